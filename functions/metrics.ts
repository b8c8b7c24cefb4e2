/**
 * Counts for CloudWatch in the embedded metric format: one line on stdout, no call. Written past `console`, which Lambda's JSON
 * logging would wrap, and without dimensions, so that the dashboard and alarms name the metric alone.
 * Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
import { METRICS } from '../shared/contract.ts';

export function count(metric: Exclude<keyof typeof METRICS, 'namespace'>, nowMs: number): void {
  const name = METRICS[metric];
  const definition = { Namespace: METRICS.namespace, Dimensions: [[]], Metrics: [{ Name: name, Unit: 'Count' }] };
  process.stdout.write(
    `${JSON.stringify({ _aws: { Timestamp: nowMs, CloudWatchMetrics: [definition] }, [name]: 1 })}\n`,
  );
}
