/** The step runner lives in shared/optim, where families may use it; it needs no more than an Engine. */
export * from '../optim/step-runner.ts';
