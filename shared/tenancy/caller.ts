/**
 * The caller <-> the authorizer's context, whose values API Gateway hands on as texts. Limits and prices travel in it, so that
 * a warm function need not read them; they are at most as old as the authorizer's answer.
 */
import { AUTHORIZER_CONTEXT } from '../contract.ts';
import { builtInLimits } from './plan.ts';
import type { Limits } from './plan.ts';
import { pricesAtCost, LAMBDA_GB_SECOND_USD } from './price.ts';
import type { PriceList } from './price.ts';
import type { Caller } from './tenant.ts';

export function toContext(caller: Caller, signingKey?: string): Record<string, string> {
  return {
    [AUTHORIZER_CONTEXT.tenantId]: caller.tenantId,
    [AUTHORIZER_CONTEXT.keyId]: caller.keyId,
    [AUTHORIZER_CONTEXT.plan]: caller.plan,
    [AUTHORIZER_CONTEXT.limits]: JSON.stringify(caller.limits),
    [AUTHORIZER_CONTEXT.prices]: JSON.stringify(caller.prices),
    ...(signingKey === undefined ? {} : { [AUTHORIZER_CONTEXT.signingKey]: signingKey }),
  };
}

/** Parses anew only what is not the text of the last call: an environment hears the same for a minute. */
function rememberingLast<T>(parse: (text: string) => T): (text: string) => T {
  let last: { text: string; value: T } | undefined;
  return (text) => (last?.text === text ? last : (last = { text, value: parse(text) })).value;
}

const limitsOf = rememberingLast((text) => JSON.parse(text) as Limits);
const pricesOf = rememberingLast((text) => JSON.parse(text) as PriceList);

/** The caller that a context names, or undefined where it names none. */
export function fromContext(context: Readonly<Record<string, unknown>>): Caller | undefined {
  const text = (name: keyof typeof AUTHORIZER_CONTEXT): string | undefined => {
    const value = context[AUTHORIZER_CONTEXT[name]];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const [tenantId, keyId, plan] = [text('tenantId'), text('keyId'), text('plan')];
  if (tenantId === undefined || keyId === undefined || plan === undefined) return undefined;
  const [limits, prices] = [text('limits'), text('prices')];
  return {
    tenantId,
    keyId,
    plan,
    // An answer that API Gateway kept from before a deployment may lack them.
    limits: limits === undefined ? builtInLimits(plan) : limitsOf(limits),
    prices: prices === undefined ? pricesAtCost(LAMBDA_GB_SECOND_USD.arm64) : pricesOf(prices),
  };
}
