/** A host with NFS mounts of every kind that tells something of its own: two points, UDP, RDMA, an older format, and IPsec's failures. */
import { linkTo, type HostTree } from "./tree.ts";

const mount = (
  [server, point, version]: readonly [string, string, string],
  transport: string,
  seed: number,
): string => {
  const numbers = (count: number, first = seed): string =>
    Array.from({ length: count }, (_, index) => first * 7 + index * 13).join(" ");
  return `device ${server} mounted on ${point} with fstype nfs4 statvers=${version}
	opts:	rw,vers=4.2,rsize=1048576,wsize=1048576,proto=tcp,sec=sys
	age:	${seed * 1000}
	caps:	caps=0x3ffdf,wtmult=512,dtsize=32768,bsize=0,namlen=255
	nfsv4:	bm0=0xfdffbfff,bm1=0x40f9be3e,bm2=0x803,acl=0x3
	sec:	flavor=1,pseudoflavor=1
	events:	${numbers(27)}
	bytes:	${numbers(8)}
	RPC iostats version: ${version}  p/v: 100003/4 (nfs)
	xprt:	${transport}
	per-op statistics
	        NULL: ${numbers(8, seed + 1)}
	        READ: ${numbers(8, seed + 2)}
	       WRITE: ${numbers(8, seed + 3)}

`;
};

const mountInfo = (id: number, server: string, point: string, address: string): string =>
  `${id} 1 0:${id} / ${point} rw,relatime shared:${id} - nfs4 ${server} rw,vers=4.2,clientaddr=10.0.0.9,addr=${address}\n`;

const data = "10.0.0.7:/data";

export function nfsClient(): HostTree {
  const tcp = "tcp 795 1 2 0 11 640 641 4 99 12 24 26 57";
  return {
    "proc/self": linkTo("4321"),
    "proc/4321/mountstats": `${[
      "device rootfs mounted on / with fstype rootfs",
      "device proc mounted on /proc with fstype proc",
    ].join("\n")}
${mount([data, "/data", "1.1"], tcp, 3)}${mount([data, "/again", "1.1"], tcp, 3)}${mount(
      ["10.0.0.8:/old", "/old", "1.0"],
      "tcp 832 0 1 0 11 6428 6428 0 12154 0",
      5,
    )}${mount(["10.0.0.9:/loose", "/loose", "1.1"], "udp 832 0 6428 6428 0 12154 0 24 26 5726", 8)}`,
    "proc/4321/mountinfo": [
      "1 0 0:1 / / rw - rootfs rootfs rw\n",
      "2 1 0:2 / /proc rw,nosuid - proc proc rw\n",
      mountInfo(3, data, "/data", "10.0.0.7"),
      mountInfo(4, data, "/again", "10.0.0.7"),
      mountInfo(5, "10.0.0.8:/old", "/old", "10.0.0.8"),
      mountInfo(6, "10.0.0.9:/loose", "/loose", "10.0.0.9"),
    ].join(""),
    "proc/net/xfrm_stat": xfrmNames
      .map((name, index) => `${name.padEnd(24)}\t${index * 3}\n`)
      .join(""),
    "proc/4321/stat": "4321 (agent) S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0\n",
  };
}

/** In the kernel's order. */
const xfrmNames =
  "XfrmInError XfrmInBufferError XfrmInHdrError XfrmInNoStates XfrmInStateProtoError XfrmInStateModeError XfrmInStateSeqError XfrmInStateExpired XfrmInStateMismatch XfrmInStateInvalid XfrmInTmplMismatch XfrmInNoPols XfrmInPolBlock XfrmInPolError XfrmOutError XfrmOutBundleGenError XfrmOutBundleCheckError XfrmOutNoStates XfrmOutStateProtoError XfrmOutStateModeError XfrmOutStateSeqError XfrmOutStateExpired XfrmOutPolBlock XfrmOutPolDead XfrmOutPolError XfrmFwdHdrError XfrmOutStateInvalid XfrmAcquireError".split(
    " ",
  );
