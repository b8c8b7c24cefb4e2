/** The stacks of one deployment. The CDK CLI and scripts/synth.ts run this file. */
import { App, Validations } from 'aws-cdk-lib';
import { Bundles } from './constructs/bundles.ts';
import { readSettings } from './settings.ts';
import { ApiStack } from './stacks/api.ts';
import { DataStack } from './stacks/data.ts';
import { InferenceStack } from './stacks/inference.ts';
import { OperationsStack } from './stacks/operations.ts';
import { TrainingStack } from './stacks/training.ts';

export const app = new App({ analyticsReporting: false });
const settings = readSettings(app.node);
if (settings.checks) {
  const { AwsSolutionsChecks } = await import('cdk-nag');
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
}

const deployment = { settings, bundles: new Bundles(settings.target) };
const { prefix } = settings;

const data = new DataStack(app, `${prefix}-data`, deployment);
const training = new TrainingStack(app, `${prefix}-training`, deployment, data);
const inference = new InferenceStack(app, `${prefix}-inference`, deployment, { data, training });
const api = new ApiStack(app, `${prefix}-api`, { deployment, data, inference, training });
new OperationsStack(app, `${prefix}-operations`, { deployment, data, inference, training, api });

app.synth();
