/**
 * The code of each function, bundled by esbuild as ES modules and staged as one asset: what a function imports when it needs it lies
 * in files of their own, which a cold start does not read, and of packages only what is used is carried. The asset's hash is that of the bundle and of ONNX Runtime's version and platform, so unchanged code is not
 * staged again.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import * as cdk from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as esbuild from 'esbuild';
import type { Target } from '../settings.ts';
import { ONNX_RUNTIME_MODULES, onnxRuntimeVersion, placeOnnxRuntime } from './onnx-runtime.ts';
import type { Platform } from './onnx-runtime.ts';

/** The folder that holds `functions/` and `node_modules/`; the CDK CLI and the scripts run the app in it. */
const PROJECT_ROOT = resolve('.');

const PLATFORMS: Readonly<Record<Target, Platform>> = {
  'lambda-arm64': { os: 'linux', arch: 'arm64' },
  'lambda-x64': { os: 'linux', arch: 'x64' },
  host: { os: process.platform, arch: process.arch },
};

export class Bundles {
  readonly platform: Platform;
  private readonly bundled: ReadonlyMap<string, Bundle>;

  constructor(target: Target) {
    this.platform = PLATFORMS[target];
    this.bundled = bundleAll(target !== 'host');
  }

  /** The asset of `functions/<name>/index.ts`; with ONNX Runtime beside it when `withOnnxRuntime`. */
  code(name: string, withOnnxRuntime: boolean): lambda.Code {
    const bundle = this.bundled.get(name);
    if (bundle === undefined) throw new Error(`functions/${name}/index.ts does not exist`);
    return lambda.Code.fromAsset(join(PROJECT_ROOT, 'functions', name), {
      assetHash: this.hash(bundle, withOnnxRuntime),
      bundling: {
        image: cdk.DockerImage.fromRegistry('unused: bundled locally'),
        local: {
          tryBundle: (outputDir) => {
            for (const [file, contents] of bundle) writeFileSync(join(outputDir, file), contents);
            writeFileSync(join(outputDir, 'package.json'), '{"type":"module"}\n');
            if (withOnnxRuntime) placeOnnxRuntime(join(PROJECT_ROOT, 'node_modules'), outputDir, this.platform);
            return true;
          },
        },
      },
    });
  }

  private hash(bundle: Bundle, withOnnxRuntime: boolean): string {
    const hash = createHash('sha256').update('module');
    for (const [file, contents] of bundle) hash.update(file).update(contents);
    if (withOnnxRuntime) {
      hash.update(
        `${onnxRuntimeVersion(join(PROJECT_ROOT, 'node_modules'))} ${this.platform.os} ${this.platform.arch}`,
      );
    }
    return hash.digest('hex');
  }
}

/** File name -> contents. */
type Bundle = ReadonlyMap<string, Uint8Array>;

/** What a function is made of: its handler, and where it has one the process that it starts. */
const ENTRIES = ['index', 'sandbox', 'apart'];

/** Functions in which names of classes are read: the durable SDK tells errors apart by them. To others they cost time at a cold start. */
const NAMED: ReadonlySet<string> = new Set(['train']);

/** Packages that are CommonJS still ask for Node's own modules by `require`. */
const REQUIRE = "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);";

function bundleAll(minify: boolean): ReadonlyMap<string, Bundle> {
  const folder = join(PROJECT_ROOT, 'functions');
  const names = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'index.ts')));
  return new Map(names.map((name) => [name, bundleOf(join(folder, name), minify)]));
}

function bundleOf(folder: string, minify: boolean): Bundle {
  const { outputFiles } = build({
    absWorkingDir: PROJECT_ROOT,
    entryPoints: ENTRIES.map((entry) => join(folder, `${entry}.ts`)).filter((entry) => existsSync(entry)),
    outdir: 'bundles',
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    splitting: true,
    mainFields: ['module', 'main'],
    external: ONNX_RUNTIME_MODULES,
    banner: { js: REQUIRE },
    minify,
    keepNames: minify && NAMED.has(basename(folder)),
    legalComments: 'none',
    logLevel: 'silent',
  });
  return new Map(outputFiles.map(({ path, contents }) => [basename(path), contents]));
}

function build<T extends esbuild.BuildOptions>(
  options: esbuild.SameShape<esbuild.BuildOptions, T>,
): esbuild.BuildResult<T> {
  try {
    return esbuild.buildSync(options);
  } catch (error) {
    const { errors } = error as esbuild.BuildFailure;
    throw new Error(`the functions do not bundle:\n${esbuild.formatMessagesSync(errors, { kind: 'error' }).join('')}`, {
      cause: error,
    });
  }
}
