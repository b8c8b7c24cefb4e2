/** Every attribution method, by the name it has on the wire. The conformance suite runs over this table. */
import type { Method } from '../contract.ts';
import type { MethodName } from '../terms.ts';
import { attentionRollout } from './attention-rollout.ts';
import { exactShap } from './exact-shap.ts';
import { gradCam } from './grad-cam.ts';
import { integratedGradients } from './integrated-gradients.ts';
import { kernelShap } from './kernel-shap.ts';
import { linearShap } from './linear-shap.ts';
import { permutation } from './permutation.ts';

export const METHODS: Readonly<Record<MethodName, Method>> = {
  linear_shap: linearShap,
  exact_shap: exactShap,
  kernel_shap: kernelShap,
  permutation,
  integrated_gradients: integratedGradients,
  grad_cam: gradCam,
  attention_rollout: attentionRollout,
};
