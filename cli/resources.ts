/** What the command line reads of the API's answers; the whole of them stands in GET /v1/openapi.json. */

export interface Problem {
  readonly detail?: string;
  readonly code?: string;
  readonly param?: string | null;
  readonly request_id?: string;
  readonly retryable?: boolean;
  readonly errors?: readonly Finding[];
}

export interface Finding {
  readonly pointer?: string;
  readonly row?: number;
  readonly column?: string;
  readonly message: string;
  readonly hint?: string;
}

export interface Page<T> {
  readonly data: T[];
  readonly has_more: boolean;
  readonly last_id: string | null;
}

export interface UploadTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly format: string;
  readonly status: 'awaiting_upload' | 'profiling' | 'ready' | 'invalid';
  readonly rows?: number;
  readonly bytes?: number;
  readonly columns?: readonly Record<string, unknown>[];
  readonly errors?: readonly Finding[];
  readonly upload?: UploadTarget & { readonly parts?: Readonly<Record<string, UploadTarget>> };
  readonly created_at: number;
}

export type Metrics = Readonly<Record<string, number>>;

export interface Job {
  readonly id: string;
  readonly name: string;
  readonly family: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  readonly progress: {
    readonly fraction: number;
    readonly epoch?: number;
    readonly epochs?: number;
    readonly eta_seconds?: number;
  };
  readonly metrics: { readonly train: Metrics; readonly validation: Metrics };
  readonly model?: { readonly name: string; readonly version: number };
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
  readonly usage: { readonly seconds: number; readonly gb_seconds: number; readonly usd: number };
  readonly created_at: number;
}

export interface JobEvent {
  readonly id: string;
  readonly type: 'message' | 'metrics' | 'checkpoint' | 'status';
  readonly level: 'info' | 'warn' | 'error';
  readonly created_at: number;
  readonly message?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

export interface Batch {
  readonly id: string;
  readonly model: string;
  readonly model_version: number;
  readonly status: Job['status'];
  readonly progress: {
    readonly fraction: number;
    readonly rows: number;
    readonly predicted: number;
    readonly failed: number;
    readonly eta_seconds?: number;
  };
  readonly output?: { readonly bytes: number; readonly sha256: string };
  readonly error?: { readonly code: string; readonly message: string };
  readonly usage: Job['usage'];
  readonly created_at: number;
}

export interface Model {
  readonly name: string;
  readonly latest_version: number;
  readonly aliases: Readonly<Record<string, unknown>>;
  readonly updated_at: number;
}

export interface ModelVersion {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  /** Of an upload it is not known. */
  readonly task?: string;
  readonly family: string;
  readonly metrics: { readonly train: Metrics; readonly validation: Metrics };
  readonly bytes: number;
  readonly created_at: number;
  readonly status?: 'awaiting_upload' | 'linting' | 'ready' | 'refused';
  readonly upload?: UploadTarget;
  /** What the checks of an upload have found. */
  readonly lint?: { readonly findings: readonly { readonly check: string; readonly message: string }[] };
}

export interface Feature {
  readonly name: string;
  readonly type: string;
  readonly shape?: readonly number[];
}

export interface Explanation {
  readonly method: string;
  readonly reason?: string;
  readonly target: string | number | boolean;
  readonly explains: string;
  readonly base_value?: number;
  readonly output: number;
  readonly attributions: unknown;
  readonly tokens?: readonly string[];
  readonly completeness?: { readonly residual: number; readonly passed: boolean };
  readonly counterfactual?: {
    readonly changes: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
    readonly predicted: string | number | boolean;
    readonly minimality: { readonly statement: string };
  };
  readonly note?: string;
}

export function isFinished({ status }: Pick<Job, 'status'>): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'cancelled';
}
