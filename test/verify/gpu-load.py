"""A fixed load for a GPU: multiplies matrices for so many seconds and prints how many it got done in one."""

import sys
import time

import torch

seconds = float(sys.argv[1])
matrix = torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16)


def multiply(until):
    done = 0
    while time.monotonic() < until:
        for _ in range(20):
            torch.mm(matrix, matrix)
        torch.cuda.synchronize()
        done += 20
    return done


multiply(time.monotonic() + 3)
begun = time.monotonic()
print(multiply(begun + seconds) / (time.monotonic() - begun))
