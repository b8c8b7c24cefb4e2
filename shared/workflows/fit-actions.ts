/** Everything that *fit* can be asked to do. */
import { collectBatch } from './batch/collect.ts';
import { predictLane } from './batch/predict.ts';
import { checkModel } from './check-model.ts';
import type { CheckContext } from './check-model.ts';
import { estimate } from './estimate.ts';
import type { FitContext } from './fit-context.ts';
import { fitSegment } from './fit.ts';
import { discard, publish } from './publish.ts';
import type { FitEvent } from './train.ts';

export function performFit(
  event: FitEvent,
  context: FitContext & Pick<CheckContext, 'sandbox'>,
): Promise<{ readonly seconds: number; readonly status?: string }> {
  switch (event.action) {
    case 'segment':
      return fitSegment(event, context);
    case 'publish':
      return publish(event, context);
    case 'estimate':
      return estimate(event, context);
    case 'discard':
      return discard(event, context);
    case 'predict':
      return predictLane(event, context);
    case 'collect':
      return collectBatch(event, context);
    case 'check':
      return checkModel(event, context);
  }
}
