/**
 * The part of ONNX Runtime that a function's asset carries: the JavaScript of onnxruntime-node and onnxruntime-common and
 * the native library of one platform (the whole package is about 290 MB, over Lambda's limit of 250).
 */
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Platform {
  readonly os: string;
  readonly arch: string;
}

/** The native files of onnxruntime-node 1.30 that are loaded; the package ships more beside them. */
const NATIVE_FILES: Readonly<Record<string, RegExp>> = {
  linux: /^(libonnxruntime\.so\.1|onnxruntime_binding\.node)$/,
  darwin: /^(libonnxruntime\.1\.dylib|onnxruntime_binding\.node)$/,
  win32: /^(.*\.dll|onnxruntime_binding\.node)$/,
};

/** Modules that esbuild leaves out of the bundle because they are copied. */
export const ONNX_RUNTIME_MODULES = ['onnxruntime-node', 'onnxruntime-common'];

export function onnxRuntimeVersion(nodeModules: string): string {
  const manifest = JSON.parse(readFileSync(join(nodeModules, 'onnxruntime-node', 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}

/**
 * Places ONNX Runtime for one platform into `outputDir/node_modules`. Files are hard links where the disk allows it.
 * @throws {Error} when onnxruntime-node has no native library for the platform.
 */
export function placeOnnxRuntime(nodeModules: string, outputDir: string, platform: Platform): void {
  const native = `onnxruntime-node/bin/napi-v6/${platform.os}/${platform.arch}`;
  if (!existsSync(join(nodeModules, native))) {
    throw new Error(
      `onnxruntime-node has no library for ${platform.os}/${platform.arch}: looked in node_modules/${native}`,
    );
  }
  const copy = (folder: string, wanted: RegExp) => {
    for (const file of readdirSync(join(nodeModules, folder))) {
      if (wanted.test(file)) place(join(nodeModules, folder, file), join(outputDir, 'node_modules', folder, file));
    }
  };
  copy('onnxruntime-common', /^package\.json$/);
  copy('onnxruntime-common/dist/cjs', /\.(js|json)$/);
  copy('onnxruntime-node', /^package\.json$/);
  copy('onnxruntime-node/dist', /\.js$/);
  copy(native, NATIVE_FILES[platform.os] ?? /./);
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
