/**
 * What a tenant pays. The operator sets price lists, each the next version; version 0 is what AWS charges for the same
 * (us-east-1, November 2026). The version stands in every item of usage, and amounts are whole nano-dollars there, so that the
 * sum of the parts is the bill, however they are grouped.
 * Source: https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/s3/pricing/
 */

/** USD per GB-second by architecture. */
export const LAMBDA_GB_SECOND_USD = { arm64: 0.000_013_333_4, x86_64: 0.000_016_666_7 } as const;

const HOURS_PER_MONTH = 730;
const S3_GB_MONTH_USD = 0.023;

export interface Prices {
  readonly training_gb_second_usd: number;
  readonly inference_gb_second_usd: number;
  readonly request_usd: number;
  readonly prediction_usd: number;
  readonly stored_gb_hour_usd: number;
}

export interface PriceList extends Prices {
  readonly version: number;
  /** Since when it holds, epoch seconds. */
  readonly since: number;
}

/** Version 0: Lambda and S3 at cost. */
export function pricesAtCost(gbSecondUsd: number): PriceList {
  return {
    version: 0,
    since: 0,
    training_gb_second_usd: gbSecondUsd,
    inference_gb_second_usd: gbSecondUsd,
    request_usd: 0,
    prediction_usd: 0,
    stored_gb_hour_usd: S3_GB_MONTH_USD / HOURS_PER_MONTH,
  };
}

/** The list that held at a time. @param lists in any order, version 0 among them */
export function pricesAt(lists: readonly PriceList[], timeS: number): PriceList {
  const [newest] = lists.filter(({ since }) => since <= timeS).sort((a, b) => b.version - a.version);
  if (newest === undefined) throw new RangeError(`no price list holds at ${timeS}`);
  return newest;
}

export interface Metered {
  readonly seconds: number;
  readonly gb_seconds: number;
  readonly usd: number;
}

/** The cost of `seconds` of a function with `memoryMb`. USD to a ten-millionth of a cent, so that small jobs do not cost 0. */
export function meter(seconds: number, memoryMb: number, gbSecondUsd: number): Metered {
  const gbSeconds = gbSecondsOf(seconds, memoryMb);
  return { seconds: round(seconds, 3), gb_seconds: round(gbSeconds, 3), usd: round(gbSeconds * gbSecondUsd, 9) };
}

/** Lambda's unit of compute. */
export function gbSecondsOf(seconds: number, memoryMb: number): number {
  return seconds * (memoryMb / 1024);
}

const NANO = 1e9;

/** USD as whole nano-dollars, the unit in which amounts are stored and added. */
export function toNanoUsd(usd: number): number {
  return Math.round(usd * NANO);
}

export function fromNanoUsd(nanoUsd: number): number {
  return nanoUsd / NANO;
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
