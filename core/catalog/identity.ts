/** What the machine is built as, under node_exporter's names: firmware tables and bonded interfaces. */
import { defineMetric } from "./metric.ts";

export const dmiInfo = defineMetric({
  name: "node_dmi_info",
  kind: "info",
  help: "Maker, model, serial numbers and firmware of machine, board and chassis, as DMI has them.",
  labels: [
    "bios_date",
    "bios_release",
    "bios_vendor",
    "bios_version",
    "board_asset_tag",
    "board_name",
    "board_serial",
    "board_vendor",
    "board_version",
    "chassis_asset_tag",
    "chassis_serial",
    "chassis_vendor",
    "chassis_version",
    "product_family",
    "product_name",
    "product_serial",
    "product_sku",
    "product_uuid",
    "product_version",
    "system_vendor",
  ],
  sampling: "inventory",
  compatibilityOnly: true,
});
export const bondedInterfaces = defineMetric({
  name: "node_bonding_slaves",
  kind: "gauge",
  help: "Interfaces that each bond is made of.",
  labels: ["master"],
  compatibilityOnly: true,
});
export const bondedActive = defineMetric({
  name: "node_bonding_active",
  kind: "gauge",
  help: "Interfaces of each bond that have a link.",
  labels: ["master"],
  compatibilityOnly: true,
});
