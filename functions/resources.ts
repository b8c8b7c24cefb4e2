/** What Lambda gives the function: memory, and the vCPUs that come with it. */
import { requireEnv } from '../shared/env.ts';

/** At this memory a function has one whole vCPU. Source: AWS Lambda developer guide, "Configure Lambda function memory". */
const MB_PER_VCPU = 1769;

export function lambdaMemoryMb(): number {
  return Number(requireEnv('AWS_LAMBDA_FUNCTION_MEMORY_SIZE'));
}

/** Threads for ONNX Runtime: one per whole vCPU. Part of a checkpoint, since results depend on it in the last bits. */
export function lambdaThreads(): number {
  return Math.max(1, Math.floor(lambdaMemoryMb() / MB_PER_VCPU));
}
