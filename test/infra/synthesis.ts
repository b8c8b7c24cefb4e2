/** Synthesizes the app in a process of its own, without AWS credentials or configuration, and reads what came out. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Resource {
  readonly stack: string;
  readonly id: string;
  readonly type: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly deletionPolicy: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

export class Synthesis {
  readonly dir: string;
  readonly resources: readonly Resource[];

  constructor(context: Readonly<Record<string, unknown>> = {}) {
    this.dir = mkdtempSync(join(tmpdir(), 'tenon-synth-'));
    const { status, stderr } = run(this.dir, context);
    if (status !== 0) throw new Error(`synthesis failed:\n${stderr}`);
    this.resources = this.templates().flatMap((file) => resourcesOf(file, join(this.dir, file)));
  }

  of(type: string): Resource[] {
    return this.resources.filter((resource) => resource.type === type);
  }

  /** The one resource of the type whose construct path or id contains the text. */
  one(type: string, named: string): Resource {
    const found = this.of(type).filter(({ metadata, id }) => (metadata['aws:cdk:path'] ?? id).includes(named));
    if (found.length !== 1) throw new Error(`expected one ${type} named ${named}, got ${found.length}`);
    return found[0]!;
  }

  templates(): string[] {
    return readdirSync(this.dir).filter((file) => file.endsWith('.template.json'));
  }

  json(file: string): unknown {
    return JSON.parse(readFileSync(join(this.dir, file), 'utf8'));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}

/** The value at a path into a resource's properties. */
export function at(resource: Resource, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Readonly<Record<string, unknown>> | undefined)?.[key],
    resource.properties,
  );
}

/** Runs the app; nothing of this shell's environment but PATH reaches it. */
export function run(outDir: string, context: Readonly<Record<string, unknown>>, script = 'infra/app.ts') {
  const { context: flags } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { context: object };
  const metadata = { 'aws:cdk:enable-path-metadata': true, 'aws:cdk:enable-asset-metadata': true };
  return spawnSync(process.execPath, ['--import', 'tsx', script], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'],
      HOME: outDir,
      // cdk-nag and the validation that CDK brings along go together.
      ...(context['checks'] === false ? { CDK_VALIDATION: 'false' } : {}),
      CDK_OUTDIR: outDir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...flags, ...metadata, ...context }),
    },
  });
}

export function isInstalled(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function resourcesOf(file: string, path: string): Resource[] {
  interface Template {
    Resources: Record<
      string,
      { Type: string; Properties?: Resource['properties']; DeletionPolicy?: string; Metadata?: Record<string, string> }
    >;
  }
  const { Resources } = JSON.parse(readFileSync(path, 'utf8')) as Template;
  return Object.entries(Resources).map(([id, { Type, Properties, DeletionPolicy, Metadata }]) => ({
    stack: file.replace('.template.json', ''),
    id,
    type: Type,
    properties: Properties ?? {},
    deletionPolicy: DeletionPolicy,
    metadata: Metadata ?? {},
  }));
}
