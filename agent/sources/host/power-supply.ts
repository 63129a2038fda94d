/** Power supplies and batteries from /sys/class/power_supply, as the kernel's ABI document sysfs-class-power has it. */
import { join } from "node:path";
import { powerSupply, powerSupplyInfo } from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

/** Counts and states, as they are. */
const plain =
  "authentic calibrate capacity capacity_alert_max capacity_alert_min cycle_count:cyclecount online present time_to_empty_now:time_to_empty_seconds time_to_full_now:time_to_full_seconds";
/** Millionths of volts, amperes, watts, watt hours. */
const millionths =
  "current_boot current_max current_now:current_ampere energy_empty energy_empty_design energy_full energy_full_design energy_now:energy_watthour voltage_boot voltage_max voltage_max_design voltage_min voltage_min_design voltage_now:voltage_volt voltage_ocv charge_control_limit charge_control_limit_max charge_counter charge_empty charge_empty_design charge_full charge_full_design charge_now:charge_ampere charge_term_current constant_charge_current constant_charge_current_max constant_charge_voltage constant_charge_voltage_max precharge_current input_current_limit power_now:power_watt";
/** Tenths of degrees. */
const tenths =
  "temp:temp_celsius temp_alert_max:temp_alert_max_celsius temp_alert_min:temp_alert_min_celsius temp_ambient:temp_ambient_celsius temp_ambient_max:temp_ambient_max_celsius temp_ambient_min:temp_ambient_min_celsius temp_max:temp_max_celsius temp_min:temp_min_celsius";

/** `file:key`, or one word where the key is called like the file. */
function readTable(
  table: string,
  divisor: number,
): readonly { readonly file: string; readonly key: string; readonly divisor: number }[] {
  return table.split(" ").map((entry) => {
    const [file = "", key = file] = entry.split(":");
    return { file, key, divisor };
  });
}

const files = [...readTable(plain, 1), ...readTable(millionths, 1e6), ...readTable(tenths, 10)];

export function createPowerSupplySource({ keepsSupply }: HostOptions["powersupplyclass"]): Source {
  return {
    name: "powersupplyclass",
    metrics: [powerSupply, powerSupplyInfo],
    sampling: "steady",
    open({ env }) {
      const folder = join(env.paths.sysfs, "class/power_supply");
      return openListedReader({
        clock: env.clock,
        relistMilliseconds: 60_000,
        fromHardware: true,
        absent: missing("power_supply", env.paths, folder),
        list(listing) {
          for (const name of listing.folder(folder).filter(keepsSupply))
            listSupply(listing, join(folder, name), name);
        },
      });
    },
  };
}

function listSupply(listing: Listing, folder: string, name: string): void {
  const present = new Set(listing.folder(folder));
  for (const { file, key, divisor } of files)
    if (present.has(file))
      listing.value(
        join(folder, file),
        powerSupply.metric(key),
        { power_supply: name },
        {
          divisor,
        },
      );
  const text = (file: string): string =>
    present.has(file) ? listing.text(join(folder, file)) : "";
  listing.fact(powerSupplyInfo, {
    power_supply: name,
    capacity_level: text("capacity_level"),
    charge_type: text("charge_type"),
    health: text("health"),
    manufacturer: text("manufacturer"),
    model_name: text("model_name"),
    scope: text("scope"),
    serial_number: text("serial_number"),
    status: text("status"),
    technology: text("technology"),
    type: text("type"),
    usb_type: text("usb_type"),
  });
}
