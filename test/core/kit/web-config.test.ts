import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { loadWebConfig } from "../../../core/kit/web-config.ts";
import { makeAuthority } from "../../kit/certificates.ts";
import { makeFolder } from "../../kit/folder.ts";
import { secretHash } from "../../kit/passwords.ts";

function load(tls: string, rest = ""): () => unknown {
  const folder = makeFolder();
  const file = join(folder, "web.yml");
  writeFileSync(file, `tls_server_config:\n${tls}${rest}`);
  return () => loadWebConfig(file, { takesUsers: false });
}

it("is plain HTTP without a TLS section", () => {
  const file = join(makeFolder(), "web.yml");
  writeFileSync(file, "");
  expect(loadWebConfig(file, { takesUsers: false }).tls).toBeNull();
});

it("takes files beside itself, versions and what is asked of callers", () => {
  const authority = makeAuthority(makeFolder());
  authority.issue("localhost", { file: "server" });
  const file = join(authority.folder, "web.yml");
  writeFileSync(
    file,
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: authority.crt\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [node-1]\n  min_version: TLS13\n",
  );
  expect(loadWebConfig(file, { takesUsers: false }).tls).toMatchObject({
    context: { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" },
    requestCert: true,
    rejectUnauthorized: true,
    allowedNames: ["node-1"],
  });
});

const files = "  cert_file: a\n  key_file: b\n";
it.each([
  ["  cert_file: a\n", "", /web\.yml:1: tls_server_config\.key_file: /],
  [
    `${files}  client_auth_type: RequireAnyClientCert\n`,
    "",
    /:4: tls_server_config\.client_auth_type: .*proves nothing/,
  ],
  [
    `${files}  client_auth_type: RequireAndVerifyClientCert\n`,
    "",
    /client_ca_file: is needed for RequireAndVerify/,
  ],
  [`${files}  client_ca_file: c\n`, "", /client_ca_file: needs client_auth_type/],
  [`${files}  client_allowed_sans: [x]\n`, "", /client_allowed_sans: needs client_auth_type/],
  [`${files}  min_version: TLS11\n`, "", /:4: tls_server_config\.min_version: is TLS12 or TLS13/],
  [`${files}  min_version: TLS13\n  max_version: TLS12\n`, "", /min_version: is above max_version/],
  [`${files}  cipher_suites: [x]\n`, "", /:4: tls_server_config\.cipher_suites: isn't supported/],
  [
    `${files}  cert: "-----BEGIN"\n`,
    "",
    /tls_server_config\.cert: isn't supported: write it into a file/,
  ],
  [
    files,
    "basic_auth_users: {a: b}\n",
    /:4: basic_auth_users: isn't supported: callers show a token/,
  ],
  [files, "rate_limit: {burst: 1}\n", /:4: rate_limit: isn't supported/],
  [files, "http_server_config: {http2: false}\n", /:4: http_server_config: isn't supported/],
  [files, "tls_config: {}\n", /:4: tls_config: is not a setting/],
  [files, "", /\/a can't be read \(ENOENT\)/],
])("names what is wrong with %j%j", (tls, rest, sentence) => {
  expect(load(tls, rest)).toThrow(sentence);
});

it("refuses a key that belongs to another certificate", () => {
  const authority = makeAuthority(makeFolder());
  authority.issue("a");
  authority.issue("b");
  const file = join(authority.folder, "web.yml");
  writeFileSync(file, "tls_server_config: { cert_file: a.crt, key_file: b.key }\n");
  expect(() => loadWebConfig(file, { takesUsers: false })).toThrow(
    /a\.crt, .*b\.key can't be used: .*mismatch/,
  );
});

it.each([
  ["basic_auth_users: { a: secret }", /:1: basic_auth_users\.a: isn't a hash of bcrypt's/],
  [
    `basic_auth_users: { a: "${secretHash.replace("$04", "$16")}" }`,
    /basic_auth_users\.a: isn't a hash of bcrypt's of cost 4 to 15/,
  ],
  [`basic_auth_users: { "a:b": "${secretHash}" }`, /a colon would end the name/],
])("takes users where it is told to, and names what is wrong with %j", (content, sentence) => {
  const file = join(makeFolder(), "web.yml");
  writeFileSync(file, content);
  expect(() => loadWebConfig(file, { takesUsers: true })).toThrow(sentence);
  writeFileSync(file, `basic_auth_users: { a: "${secretHash}" }`);
  expect([...loadWebConfig(file, { takesUsers: true }).users.keys()]).toEqual(["a"]);
  expect(() => loadWebConfig(file, { takesUsers: false })).toThrow("isn't supported");
});
