/**
 * Functions by name, partial or full ARN, with their versions and aliases, and the errors Lambda answers where one does
 * not exist. Source: AWS Lambda API reference, Invoke ("FunctionName", "Qualifier").
 */
import { AwsError } from '../aws/service.ts';
import type { FunctionModel } from '../template/index.ts';

const NAME =
  /^(?:arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:)?(?:(?:\d{12}:)?function:)?([A-Za-z0-9_-]+)(?::(\$LATEST|[A-Za-z0-9_-]+))?$/;

/** A version of a function, under the name it was called by. */
export interface FunctionTarget {
  readonly fn: FunctionModel;
  /** `$LATEST` or a number. */
  readonly version: string;
  /** As called: undefined, `$LATEST`, a number or an alias. */
  readonly qualifier: string | undefined;
  /** ARN as called, with the qualifier where there is one. */
  readonly invokedArn: string;
}

export class FunctionCatalog {
  readonly all: readonly FunctionModel[];
  readonly #byName: ReadonlyMap<string, FunctionModel>;

  constructor(functions: readonly FunctionModel[]) {
    this.all = functions;
    this.#byName = new Map(functions.map((fn) => [fn.functionName, fn]));
  }

  /** The function a command line names: logical id, construct id, full construct path or function name. */
  find(name: string): FunctionModel | undefined {
    const constructId = (fn: FunctionModel) => fn.constructPath?.split('/').at(-1);
    return (
      this.#byName.get(name) ??
      this.all.find(
        (fn) => fn.logicalId === name || fn.constructPath === name || `${fn.stackName}/${fn.logicalId}` === name,
      ) ??
      this.all.find((fn) => constructId(fn) === name || fn.logicalId.replace(/[0-9A-F]{8}$/, '') === name)
    );
  }

  /** @throws AwsError ResourceNotFoundException 404, or ValidationException 400 for text that is no name. */
  resolve(nameOrArn: string, qualifierGiven?: string): FunctionTarget {
    const match = NAME.exec(nameOrArn);
    if (!match) {
      throw new AwsError(
        400,
        'ValidationException',
        `1 validation error detected: Value '${nameOrArn}' at 'functionName' failed to satisfy constraint: a function name or ARN`,
      );
    }
    const qualifier = qualifierGiven ?? match[2];
    const fn = this.#byName.get(match[1] ?? '');
    const arn = (name: string) => fn?.arn ?? `function:${name}`;
    const invokedArn = `${arn(match[1] ?? '')}${qualifier === undefined ? '' : `:${qualifier}`}`;
    const version = fn && this.#version(fn, qualifier);
    if (!fn || version === undefined)
      throw new AwsError(404, 'ResourceNotFoundException', `Function not found: ${fn ? invokedArn : nameOrArn}`);
    return { fn, version, qualifier, invokedArn };
  }

  #version(fn: FunctionModel, qualifier: string | undefined): string | undefined {
    if (qualifier === undefined || qualifier === '$LATEST') return '$LATEST';
    return fn.versions.includes(qualifier) ? qualifier : fn.aliases[qualifier];
  }
}
