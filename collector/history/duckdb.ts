/** DuckDB in the child process: in memory, one thread, bounded; what doesn't fit goes to the scratch folder. */
import { DuckDBInstance, type DuckDBConnection } from "@duckdb/node-api";

export async function openDuckDb(
  scratch: string,
  memoryMebibytes: number,
): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(":memory:", {
    memory_limit: `${memoryMebibytes}MiB`,
    threads: "1",
    temp_directory: scratch,
    max_temp_directory_size: "4GiB",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  return connection;
}
