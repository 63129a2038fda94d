/** The agent's flags as a table: the command line parses with it, --help and the documentation are written from it. */

export interface Flag {
  readonly type: "string" | "boolean";
  /** May be given more than once. */
  readonly multiple?: boolean;
  /** What stands in when the flag isn't given; an empty string is "not set". */
  readonly default?: string;
  /** The value that is meant when the flag is given without one. */
  readonly bare?: string;
  /** What the value is, for --help: `host:port`. */
  readonly value: string;
  readonly help: string;
  /** The heading under which --help lists it; the others come first. */
  readonly group?: string;
  /** Where it stands in its group as one word among many rather than in a row of its own; empty: not at all. */
  readonly word?: string;
}

export const agentFlags = {
  "web.listen-address": {
    type: "string",
    default: "127.0.0.1:9410",
    value: "host:port",
    help: "Address to serve metrics on. Beyond loopback every call needs the token.",
  },
  "web.telemetry-path": {
    type: "string",
    default: "/metrics",
    value: "path",
    help: "Path of the metrics page.",
  },
  "web.host": {
    type: "string",
    multiple: true,
    value: "name",
    help: "A name by which callers may address this server, beside its addresses and the node's name.",
  },
  "web.token-file": {
    type: "string",
    default: "",
    value: "file",
    help: "File that holds the token, 32 characters or more; the state folder's own if not given.",
  },
  "web.config.file": {
    type: "string",
    default: "",
    value: "file",
    help: "Prometheus' web configuration file: TLS, certificates of callers, names and passwords, for every address the agent serves.",
  },
  "compat.node-exporter": {
    type: "string",
    default: "",
    bare: "127.0.0.1:9100",
    value: "host:port",
    help: "Serve what node_exporter would on an address of its own as well. As there, an address beyond loopback asks for no token.",
  },
  "compat.dcgm-exporter": {
    type: "string",
    default: "",
    bare: "127.0.0.1:9400",
    value: "host:port",
    help: "Serve what dcgm-exporter would on an address of its own as well. As there, an address beyond loopback asks for no token.",
  },
  "push.url": {
    type: "string",
    default: "",
    value: "address",
    help: "Send frames and events to the collector at this address, as https://collector:9411.",
  },
  "push.token-file": {
    type: "string",
    default: "",
    value: "file",
    help: "File that holds the collector's push token.",
  },
  "push.ca-file": {
    type: "string",
    default: "",
    value: "file",
    help: "Authorities that vouch for the collector's certificate; the system's if not given.",
  },
  "push.cert-file": {
    type: "string",
    default: "",
    value: "file",
    help: "The agent's own certificate, for a collector that asks for one; read again when it changes.",
  },
  "push.key-file": {
    type: "string",
    default: "",
    value: "file",
    help: "The key of that certificate.",
  },
  "push.spool-folder": {
    type: "string",
    default: "",
    value: "folder",
    help: "Where frames and events wait out an outage of the collector; the state folder's spool if not given.",
  },
  "push.spool-bytes": {
    type: "string",
    default: "268435456",
    value: "bytes",
    help: "Bytes of frames that may wait there; 0 for no spool.",
  },
  "otlp.endpoint": {
    type: "string",
    default: "",
    value: "address",
    help: "Send metrics by OTLP to the receiver at this address, as http://otel-collector:4318; one with a path is used as it is.",
  },
  "otlp.token-file": {
    type: "string",
    default: "",
    value: "file",
    help: "File that holds the receiver's token, for Authorization: Bearer.",
  },
  "otlp.headers-file": {
    type: "string",
    default: "",
    value: "file",
    help: "File with further headers for the receiver, one a line as name: value.",
  },
  "otlp.ca-file": {
    type: "string",
    default: "",
    value: "file",
    help: "Authorities that vouch for the receiver's certificate; the system's if not given.",
  },
  "otlp.interval": {
    type: "string",
    default: "60s",
    value: "duration",
    help: "How often metrics are sent by OTLP, from 1s.",
  },
  "otlp.compression": {
    type: "string",
    default: "gzip",
    value: "coding",
    help: "How requests by OTLP are packed: gzip or none.",
  },
  "otlp.queue-bytes": {
    type: "string",
    default: "4194304",
    value: "bytes",
    help: "Bytes of requests that may wait in memory for the receiver.",
  },
  "path.procfs": {
    type: "string",
    default: "/proc",
    value: "folder",
    help: "Where the host's /proc is seen.",
  },
  "path.sysfs": {
    type: "string",
    default: "/sys",
    value: "folder",
    help: "Where the host's /sys is seen.",
  },
  "path.rootfs": {
    type: "string",
    default: "/",
    value: "folder",
    help: "Where the host's root is seen.",
  },
  "node.name": {
    type: "string",
    default: "",
    value: "name",
    help: "The node's name; the machine's host name if not given.",
  },
  "place.file": {
    type: "string",
    default: "",
    value: "file",
    help: "YAML file that says where the node stands: cluster, region, rack, chassis, slot.",
  },
  "state.folder": {
    type: "string",
    default: "",
    value: "folder",
    help: "Where the token and the control socket are kept, for this user only.",
  },
  "sampling.fast-period": {
    type: "string",
    default: "1s",
    value: "duration",
    help: "How often cheap sources are read, from 100ms.",
  },
  "sampling.steady-period": {
    type: "string",
    default: "15s",
    value: "duration",
    help: "How often sources that move slowly are read.",
  },
  "sampling.slow-period": {
    type: "string",
    default: "15s",
    value: "duration",
    help: "How often sources that the kernel answers slowly are read.",
  },
  "sampling.inventory-period": {
    type: "string",
    default: "1h",
    value: "duration",
    help: "How often models, versions and serial numbers are read.",
  },
  "sampling.max-series": {
    type: "string",
    default: "10000",
    value: "count",
    help: "Series one source may have; more are left out and counted.",
  },
  "log.level": {
    type: "string",
    default: "info",
    value: "level",
    help: "The least severe lines to write: debug, info, warn or error.",
  },
} as const satisfies Record<string, Flag>;

export type AgentFlag = keyof typeof agentFlags;
