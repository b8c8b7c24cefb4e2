/** What operators use: the admin function, the dashboard, and alarms on errors, throttles, latency and failed jobs. */
import { CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import type * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { ADMIN_FUNCTION, ENV, METRICS } from '../../shared/contract.ts';
import { ServiceFunction } from '../constructs/service-function.ts';
import type { Deployment } from '../deployment.ts';
import type { ApiStack } from './api.ts';
import type { DataStack } from './data.ts';
import type { InferenceStack } from './inference.ts';
import type { TrainingStack } from './training.ts';

const PERIOD = Duration.minutes(5);
const FUNCTION_ERRORS = 5;
const GATEWAY_ERRORS = 10;
const PREDICTION_P99_MS = 5000;
const API_P99_MS = 10_000;
const FAILED_JOBS = 5;

export interface OperationsStackProps {
  readonly deployment: Deployment;
  readonly data: DataStack;
  readonly inference: InferenceStack;
  readonly training: TrainingStack;
  readonly api: ApiStack;
}

export class OperationsStack extends Stack {
  private readonly topic: sns.Topic;

  constructor(scope: Construct, id: string, props: OperationsStackProps) {
    super(scope, id, { description: "Tenon: operators' function, dashboard and alarms" });
    const { data, deployment } = props;
    const admin = new ServiceFunction(this, 'Admin', {
      deployment,
      source: 'admin',
      functionName: `${deployment.settings.prefix}-${ADMIN_FUNCTION}`,
      description: 'Tenants and keys, for operators with AWS credentials',
      memoryMb: 512,
      // It erases tenants.
      timeout: Duration.minutes(5),
    })
      .bindTable(data.tenants, ENV.tenantsTable, 'readwrite')
      .bindTable(data.quotas, ENV.quotasTable, 'readwrite')
      .bindTable(data.catalog, ENV.catalogTable, 'readwrite')
      .bindBucket(data.bucket, 'readwrite');
    this.topic = new sns.Topic(this, 'Alarms', { masterKey: data.key, enforceSSL: true });
    const { alarmEmail } = deployment.settings;
    if (alarmEmail !== undefined) this.topic.addSubscription(new EmailSubscription(alarmEmail));
    const functions = {
      Authorizer: props.api.authorizer,
      Control: props.api.control,
      Events: props.api.events,
      Inference: props.inference.inference,
      Ingest: props.training.ingest,
      Fit: props.training.fit,
      Train: props.training.train,
      Admin: admin,
    };
    for (const [name, fn] of Object.entries(functions)) this.watchFunction(name, fn);
    this.watchLatency(props.inference.inference, props.api.api);
    this.watchJobs();
    this.dashboard(deployment.settings.prefix, functions, props.api.api);
    new CfnOutput(this, 'AdminFunctionName', {
      value: admin.functionName,
      description: 'Invoked by the operator command',
    });
    new CfnOutput(this, 'AlarmTopicArn', { value: this.topic.topicArn });
  }

  private watchFunction(name: string, fn: lambda.IFunction): void {
    this.alarm(`${name}Errors`, fn.metricErrors({ period: PERIOD }), FUNCTION_ERRORS, `${name} fails`);
    this.alarm(
      `${name}Throttles`,
      fn.metricThrottles({ period: PERIOD }),
      1,
      `Lambda refuses invocations of ${name}: raise the account's concurrency`,
    );
  }

  private watchLatency(inference: lambda.IFunction, api: apigateway.RestApi): void {
    const p99 = { period: PERIOD, statistic: 'p99' };
    this.alarm(
      'PredictionLatency',
      inference.metricDuration(p99),
      PREDICTION_P99_MS,
      'The slowest predictions take long',
    );
    this.alarm('ApiLatency', api.metricLatency(p99), API_P99_MS, 'The slowest API calls take long');
    this.alarm(
      'ApiErrors',
      api.metricServerError({ period: PERIOD, statistic: 'sum' }),
      GATEWAY_ERRORS,
      'The API answers 5xx',
    );
  }

  private watchJobs(): void {
    this.alarm('JobsFailed', jobMetric(METRICS.jobsFailed), FAILED_JOBS, 'Training jobs fail');
  }

  private alarm(id: string, metric: cloudwatch.IMetric, threshold: number, alarmDescription: string): void {
    const alarm = new cloudwatch.Alarm(this, id, {
      metric,
      threshold,
      alarmDescription,
      evaluationPeriods: 1,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      // Nothing runs while nobody calls.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
  }

  private dashboard(
    prefix: string,
    functions: Readonly<Record<string, lambda.IFunction>>,
    api: apigateway.RestApi,
  ): void {
    const all = Object.values(functions);
    const graph = (title: string, left: cloudwatch.IMetric[]) => new cloudwatch.GraphWidget({ title, left, width: 12 });
    new cloudwatch.Dashboard(this, 'Dashboard', {
      dashboardName: `${prefix}-${this.region}`,
      defaultInterval: Duration.hours(6),
      widgets: [
        [
          graph('API requests and errors', [api.metricCount(), api.metricClientError(), api.metricServerError()]),
          graph(
            'API latency',
            ['p50', 'p90', 'p99'].map((statistic) => api.metricLatency({ statistic })),
          ),
        ],
        [
          graph(
            'Invocations',
            all.map((fn) => fn.metricInvocations()),
          ),
          graph(
            'Duration, p99',
            all.map((fn) => fn.metricDuration({ statistic: 'p99' })),
          ),
        ],
        [
          graph(
            'Errors',
            all.map((fn) => fn.metricErrors()),
          ),
          graph(
            'Throttles',
            all.map((fn) => fn.metricThrottles()),
          ),
        ],
        [graph('Jobs', [jobMetric(METRICS.jobsSucceeded), jobMetric(METRICS.jobsFailed)])],
      ],
    });
  }
}

/** Written by the train function in the embedded metric format, without dimensions. */
function jobMetric(metricName: string): cloudwatch.Metric {
  return new cloudwatch.Metric({ namespace: METRICS.namespace, metricName, statistic: 'sum', period: PERIOD });
}
