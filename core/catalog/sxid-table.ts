/**
 * The SXIDs of NVSwitch as data, a row per code: code | what it costs | what it is called. `fabric`: every GPU of the
 * fabric has to be reset; `port`: fatal to what is behind the port; `none`: the switch goes on.
 * The source is NVIDIA's Fabric Manager guide (DU-09883-001), appendix on NVSwitch errors.
 */
export const sxidTable = `
10001 | none | Host priv error
10002 | none | Host priv timeout
10003 | fabric | Host unhandled interrupt
10004 | none | Host thermal event start
10005 | none | Host thermal event end
11001 | port | ingress invalid command
11004 | port | Ingress invalid ACL
11009 | port | ingress invalid VCSet
11012 | none | Single bit ECC errors
11013 | port | ingress header DBE
11018 | port | ingress RID DBE
11019 | port | ingress RLAN DBE
11020 | port | ingress control parity
11021 | none | Single bit ECC errors
11022 | none | Single bit ECC errors
11023 | none | Single bit ECC errors
12001 | port | egress crossbar overflow
12002 | port | egress packet route
12020 | fabric | egress sequence ID error
12021 | none | Single bit ECC errors
12022 | port | egress input ECC DBE error
12023 | none | Single bit ECC errors
12024 | port | egress output ECC DBE error
12025 | port | egress credit overflow
12026 | port | egress destination request ID error
12027 | port | egress destination response ID error
12028 | port | egress nonposted PRIV error
12030 | none | egress control parity error
12031 | port | egress credit parity error
12032 | port | egress flit type mismatch
14017 | port | TS ATO timeout
15001 | port | route buffer over/underflow
15006 | port | route transdone over/underflow
15008 | none | Single bit ECC errors
15009 | port | route GLT DBE
15010 | port | route parity
15011 | none | Single bit ECC errors
15012 | port | route incoming DBE
15013 | port | route credit parity
19047 | port | NCISOC HDR ECC DBE Error
19048 | port | NCISOC DAT ECC DBE Error
19049 | none | Single bit ECC errors
19054 | port | HDR RAM ECC DBE Error
19055 | none | Single bit ECC errors
19056 | port | DAT0 RAM ECC DBE Error
19057 | none | Single bit ECC errors
19058 | port | DAT1 RAM ECC DBE Error
19059 | none | Single bit ECC errors
19060 | port | CREQ RAM HDR ECC DBE Error
19061 | port | CREQ RAM DAT ECC DBE Error
19062 | none | Single bit ECC errors
19063 | port | Response RAM HDR ECC DBE Error
19064 | port | Response RAM DAT ECC DBE Error
19065 | none | Single bit ECC errors
19066 | port | COM RAM HDR ECC DBE Error
19067 | port | COM RAM DAT ECC DBE Error
19068 | none | Single bit ECC errors
19069 | port | RSP1 RAM HDR ECC DBE Error
19070 | port | RSP1 RAM DAT ECC DBE Error
19071 | none | Single bit ECC errors
19084 | port | AN1 Heartbeat Timeout Error
20001 | none | TX Replay Error
20009 | none | RX Short Error Rate
20012 | none | Broken/inconsistent connection
20034 | port | LTSSM Fault Up
22003 | fabric | Minion Halt
22011 | fabric | Minion exterror
22012 | port | Minion Link NA interrupt
22013 | none | Minion Link DLREQ interrupt
23001 | fabric | ingress SRC-VC buffer overflow
23002 | fabric | ingress SRC-VC buffer underflow
23003 | fabric | egress DST-VC credit overflow
23004 | fabric | egress DST-VC credit underflow
23005 | fabric | ingress packet burst error
23006 | fabric | ingress packet sticky error
23007 | fabric | possible bubbles at ingress
23008 | fabric | ingress packet invalid dst error
23009 | fabric | ingress packet parity error
23010 | fabric | ingress SRC-VC buffer overflow
23011 | fabric | ingress SRC-VC buffer underflow
23012 | fabric | egress DST-VC credit overflow
23013 | fabric | egress DST-VC credit underflow
23014 | fabric | ingress packet burst error
23015 | fabric | ingress packet sticky error
23016 | fabric | possible bubbles at ingress
23017 | fabric | ingress credit parity error
24001 | none | Single bit ECC errors
24002 | none | Single bit ECC errors
24003 | none | Single bit ECC errors
24004 | port | sourcetrack TCEN0 crubmstore DBE
24005 | port | sourcetrack TCEN0 TD crubmstore DBE
24006 | port | sourcetrack TCEN1 crubmstore DBE
24007 | port | sourcetrack timeout error
`;
