/** DCGM's return codes that are told apart; numbers and names as dcgm_structs.h has them. */

export const returnCodes = {
  ok: 0,
  uninitialized: -10,
  versionMismatch: -12,
  unknownField: -13,
  functionNotFound: -20,
  connectionNotValid: -21,
} as const;

/** Whether nothing more can be asked before a host engine has been connected to anew. */
export function endsConnection(code: number): boolean {
  return code === returnCodes.connectionNotValid || code === returnCodes.uninitialized;
}
