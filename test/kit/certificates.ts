/** Certificates made by openssl for tests of TLS: an authority, and what it signs. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const program = "openssl";

export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface Authority extends Certificate {
  readonly folder: string;
  /** A certificate for the name, which may be an address, valid from now for `days`: a negative number is over already. */
  issue(name: string, options?: { readonly days?: number; readonly file?: string }): Certificate;
}

export function makeAuthority(folder: string, name = "authority"): Authority {
  const own = filesOf(folder, name);
  openssl(
    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ["-subj", `/CN=${name}`, "-days", "2"],
    ["-keyout", own.keyFile, "-out", own.certificateFile],
  );
  return {
    ...own,
    folder,
    issue(subject, { days = 1, file = subject } = {}) {
      const made = filesOf(folder, file);
      const request = join(folder, `${file}.csr`);
      const kind = /^[\d.:]+$/.test(subject) ? "IP" : "DNS";
      openssl(
        ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
        ["-subj", `/CN=${subject}`, "-keyout", made.keyFile, "-out", request],
      );
      const extensions = join(folder, `${file}.ext`);
      writeFileSync(extensions, `subjectAltName=${kind}:${subject}\n`);
      openssl(
        ["x509", "-req", "-in", request, "-CA", own.certificateFile, "-CAkey", own.keyFile],
        ["-CAcreateserial", "-days", String(days), "-extfile", extensions],
        ["-out", made.certificateFile],
      );
      return made;
    },
  };
}

/** As node:tls takes them. */
export function readCertificate({ certificateFile, keyFile }: Certificate): {
  cert: Buffer;
  key: Buffer;
} {
  return { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
}

function filesOf(folder: string, name: string): Certificate {
  return { certificateFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
}

function openssl(...parts: readonly (readonly string[])[]): void {
  const args = parts.flat();
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
}
