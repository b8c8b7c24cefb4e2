/** The parameters of `cnn`: a list of layers, and how to train them. */
import * as z from 'zod';
import { layersSchema, trainingParams } from '../network/params.ts';
import { CNN_LAYERS } from './layers.ts';

export const cnnParams = z.strictObject({ layers: layersSchema(CNN_LAYERS), ...trainingParams });

export type CnnParams = z.infer<typeof cnnParams>;
