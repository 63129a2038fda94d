/** The network of the GPU server: interfaces with their settings, protocol statistics, neighbours, sockets, tracked connections. */
import type { Draw } from "./gpu-server.ts";
import type { HostTree } from "./tree.ts";

export function interfaceNames(ports: number, pods: number): string[] {
  return [
    "lo",
    ...Array.from({ length: ports }, (_, port) => `ens${port}np0`),
    ...Array.from({ length: pods }, (_, pod) => `cali${(pod + 0xa000).toString(16)}`),
  ];
}

export function gpuServerNetwork(
  ports: number,
  pods: number,
  processors: number,
  draw: Draw,
): HostTree {
  const names = interfaceNames(ports, pods);
  return {
    ...Object.fromEntries(
      names.flatMap((name, index) => Object.entries(interfaceFiles(name, index + 1, draw))),
    ),
    ...bondFiles(),
    "proc/net/softnet_stat": softnetFile(processors, draw),
    "proc/net/arp": neighbourFile(names, draw),
    "proc/net/udp": socketFile(12, 8, draw),
    "proc/net/udp6": socketFile(5, 32, draw),
    ...statisticsFiles(draw),
    ...trackingFiles(processors, draw),
  };
}

function interfaceFiles(name: string, index: number, draw: Draw): HostTree {
  const loopback = name === "lo";
  const down = name === "ens1np0";
  const folder = `sys/class/net/${name}`;
  const changes = draw(20);
  const files: Record<string, string> = {
    addr_assign_type: "0",
    addr_len: "6",
    address: loopback
      ? "00:00:00:00:00:00"
      : `02:00:00:00:00:${index.toString(16).padStart(2, "0")}`,
    broadcast: loopback ? "00:00:00:00:00:00" : "ff:ff:ff:ff:ff:ff",
    carrier_changes: String(changes * 2),
    carrier_down_count: String(changes),
    carrier_up_count: String(changes),
    dev_id: "0x0",
    flags: loopback ? "0x9" : down ? "0x1002" : "0x1003",
    ifalias: name === "ens0np0" ? "rail 0, spine 3" : "",
    ifindex: String(index),
    iflink: String(index),
    link_mode: "0",
    mtu: loopback ? "65536" : "9000",
    netdev_group: "0",
    operstate: loopback ? "unknown" : down ? "down" : "up",
    tx_queue_len: "1000",
    type: loopback ? "772" : "1",
  };
  if (!down) Object.assign(files, { carrier: "1", dormant: "0" });
  if (!loopback)
    Object.assign(files, {
      duplex: "full",
      name_assign_type: "4",
      speed: down ? "-1" : name.startsWith("ens") ? "400000" : "10000",
    });
  return Object.fromEntries(
    Object.entries(files).map(([file, text]) => [`${folder}/${file}`, `${text}\n`]),
  );
}

function bondFiles(): HostTree {
  const bond = "sys/class/net/bond0";
  return {
    "sys/class/net/bonding_masters": "bond0\n",
    [`${bond}/operstate`]: "up\n",
    [`${bond}/flags`]: "0x1403\n",
    [`${bond}/carrier_changes`]: "3\n",
    [`${bond}/bonding/slaves`]: "ens8np0 ens9np0\n",
    [`${bond}/lower_ens8np0/bonding_slave/mii_status`]: "up\n",
    [`${bond}/lower_ens9np0/bonding_slave/mii_status`]: "down\n",
  };
}

function hexadecimal(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function softnetFile(processors: number, draw: Draw): string {
  const lines = Array.from({ length: processors }, (_, cpu) =>
    [draw(4e9), draw(10), draw(100), 0, 0, 0, 0, 0, draw(3), draw(1e6), 0, draw(5), cpu, 0, 0]
      .map(hexadecimal)
      .join(" "),
  );
  return `${lines.join("\n")}\n`;
}

function neighbourFile(names: readonly string[], draw: Draw): string {
  const lines = names
    .slice(1)
    .flatMap((name, index) =>
      Array.from(
        { length: 1 + draw(4) },
        (_, host) =>
          `10.0.${index}.${host}        0x1         0x2         02:00:00:00:00:01     *        ${name}`,
      ),
    );
  return `IP address       HW type     Flags       HW address            Mask     Device\n${lines.join("\n")}\n`;
}

function socketFile(sockets: number, digits: number, draw: Draw): string {
  const address = "0".repeat(digits);
  const lines = Array.from({ length: sockets }, (_, index) => {
    const queues = `${hexadecimal(draw(5000))}:${hexadecimal(draw(90_000))}`.toUpperCase();
    return `${String(index).padStart(5)}: ${address}:14E9 ${address}:0000 07 ${queues} 00:00000000 00000000     0        0 ${20_000 + index} 2 0000000000000000 0`;
  });
  return `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n${lines.join("\n")}\n`;
}

function pair(protocol: string, fields: string, draw: Draw): string {
  const names = fields.split(" ");
  return `${protocol}: ${names.join(" ")}\n${protocol}: ${names.map((name) => (name === "MaxConn" ? -1 : draw(1e12))).join(" ")}\n`;
}

function statisticsFiles(draw: Draw): HostTree {
  const six =
    "Ip6InReceives Ip6InOctets Ip6OutOctets Icmp6InMsgs Icmp6InErrors Icmp6OutMsgs Udp6InDatagrams Udp6NoPorts Udp6InErrors Udp6OutDatagrams Udp6RcvbufErrors Udp6SndbufErrors UdpLite6InErrors";
  return {
    "proc/net/netstat":
      pair(
        "TcpExt",
        "SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled ListenOverflows ListenDrops TCPTimeouts TCPSynRetrans TCPOFOQueue TCPRcvQDrop",
        draw,
      ) + pair("IpExt", "InNoRoutes InTruncatedPkts InOctets OutOctets", draw),
    "proc/net/snmp":
      pair("Ip", "Forwarding DefaultTTL InReceives InHdrErrors", draw) +
      pair("Icmp", "InMsgs InErrors InCsumErrors OutMsgs", draw) +
      pair("IcmpMsg", "InType3 OutType3", draw) +
      pair(
        "Tcp",
        "RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors",
        draw,
      ) +
      pair("Udp", "InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors", draw) +
      pair("UdpLite", "InDatagrams NoPorts InErrors OutDatagrams", draw),
    "proc/net/snmp6": `${six
      .split(" ")
      .map((name) => `${name.padEnd(32)}\t${draw(1e12)}`)
      .join("\n")}\n`,
    "proc/net/sockstat":
      "sockets: used 2290\nTCP: inuse 35 orphan 1 tw 4 alloc 59 mem 22\nUDP: inuse 12 mem 62\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
    "proc/net/sockstat6":
      "TCP6: inuse 17\nUDP6: inuse 9\nUDPLITE6: inuse 0\nRAW6: inuse 1\nFRAG6: inuse 0 memory 0\n",
  };
}

function trackingFiles(processors: number, draw: Draw): HostTree {
  const lines = Array.from({ length: processors }, () =>
    Array.from({ length: 17 }, () => hexadecimal(draw(1e6))).join(" "),
  );
  return {
    "proc/sys/net/netfilter/nf_conntrack_count": "48213\n",
    "proc/sys/net/netfilter/nf_conntrack_max": "262144\n",
    "proc/net/stat/nf_conntrack": `entries  searched found new invalid ignore delete delete_list insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n${lines.join("\n")}\n`,
  };
}
