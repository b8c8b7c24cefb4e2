// The direction of imports (CONTRIBUTING.md, "Direction"). Zero cycles; each rule says why.
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(infra|functions|shared|harness|cli|test|bench|scripts)/', pathNot: allowed },
});

/** A layer of shared/ may import itself and the layers before it. */
const layer = (name, below) =>
  only(
    `shared-${name}`,
    `shared/${name} may import only: ${below.join(', ')} and the leaves`,
    `^shared/${name}/`,
    `^shared/((${[name, ...below].join('|')})/|(errors|findings|env|clock|afterwards|contract)\\.ts$)`,
  );

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only(
      'infra',
      'infra knows the code by path strings and the contract only',
      '^infra/',
      '^(infra/|shared/contract\\.ts$)',
    ),
    only('harness', 'the harness sees only synthesized templates: nothing of ours', '^harness/', '^harness/'),
    only('cli', 'the command line knows the service by its routes only', '^cli/', '^(cli/|shared/contract\\.ts$)'),
    only('functions', 'a function is parse -> one call into shared -> response', '^functions/', '^(functions|shared)/'),
    only('shared-outward', 'shared knows nothing of Lambda entries, CDK or the harness', '^shared/', '^shared/'),
    only('leaves', 'leaves import nothing but leaves', '^shared/[^/]+\\.ts$', '^shared/[^/]+\\.ts$'),
    layer('tensor', []),
    layer('onnx', ['tensor']),
    layer('data', ['tensor', 'onnx']),
    layer('autodiff', ['tensor', 'onnx']),
    layer('optim', ['tensor', 'onnx', 'autodiff']),
    layer('families', ['tensor', 'onnx', 'autodiff', 'optim', 'data']),
    layer('runtime', ['tensor', 'onnx', 'autodiff', 'optim', 'data', 'families']),
    layer('explain', ['tensor', 'onnx', 'autodiff', 'data', 'families', 'runtime']),
    layer('tenancy', []),
    layer('resources', ['tenancy']),
    layer('stores', ['tenancy', 'resources']),
    layer('workflows', ['tensor', 'onnx', 'data', 'families', 'runtime', 'explain', 'tenancy', 'resources', 'stores']),
    layer('http', ['data', 'families', 'runtime', 'explain', 'tenancy', 'resources', 'stores', 'workflows']),
    {
      name: 'aws-sdk-in-stores',
      comment: 'only shared/stores speaks to AWS',
      severity: 'error',
      from: { path: '^(shared|functions|infra)/', pathNot: '^shared/stores/' },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    {
      name: 'onnxruntime-in-runtime',
      comment: 'only shared/runtime runs graphs',
      severity: 'error',
      from: { path: '^(shared|functions|infra|harness)/', pathNot: '^shared/runtime/' },
      to: { path: 'node_modules/onnxruntime' },
    },
    {
      name: 'cdk-in-infra',
      severity: 'error',
      from: { pathNot: '^(infra|test)/' },
      to: { path: 'node_modules/(aws-cdk-lib|constructs|cdk-nag)/' },
    },
    {
      name: 'nothing-imports-test',
      comment: 'but benchmarks, which use its data',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-orphans',
      comment: 'a file that nothing imports and that is no entry (main.ts: of a process) is dead',
      severity: 'error',
      from: { orphan: true, pathNot: '(\\.d\\.ts$|/main\\.ts$|^test/|^bench/|^functions/|^[^/]+$|^scripts/|\\.js$)' },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^cdk\\.out|^\\.tenon|/schema/onnx-ml_pb\\.js$)' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
