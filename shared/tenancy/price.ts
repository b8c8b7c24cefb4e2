/**
 * What a use of Lambda costs. Prices are us-east-1, November 2026; the operator's region may differ, so the price per
 * GB-second comes from the deployment's setting and stands beside every amount computed from it.
 * Source: https://aws.amazon.com/lambda/pricing/
 */

/** USD per GB-second by architecture. */
export const LAMBDA_GB_SECOND_USD = { arm64: 0.000_013_333_4, x86_64: 0.000_016_666_7 } as const;

export interface Metered {
  readonly seconds: number;
  readonly gb_seconds: number;
  readonly usd: number;
}

/** The cost of `seconds` of a function with `memoryMb`. USD to a ten-millionth of a cent, so that small jobs do not cost 0. */
export function meter(seconds: number, memoryMb: number, gbSecondUsd: number): Metered {
  const gbSeconds = seconds * (memoryMb / 1024);
  return { seconds: round(seconds, 3), gb_seconds: round(gbSeconds, 3), usd: round(gbSeconds * gbSecondUsd, 9) };
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
