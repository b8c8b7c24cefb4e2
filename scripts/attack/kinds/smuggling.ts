/**
 * Requests whose end is in dispute, and headers that are none: raw bytes over a socket. The smuggled request carries no key,
 * so that any 2xx to it is a hole. Source: RFC 9112 sections 6 and 11, "HTTP Desync Attacks" (J. Kettle, 2019).
 */
import type { AttackKind, Scene } from '../attempt.ts';

type Raw = readonly [name: string, bytes: string];

const SMUGGLED = 'GET {path}/v1/datasets HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n';

function rawRequests({ own, victim }: Scene): readonly Raw[] {
  const auth = `Authorization: Bearer ${own.key}\r\n`;
  const json = 'Content-Type: application/json\r\n';
  const end = 'Connection: close\r\n';
  const post = `POST {path}/v1/datasets/${victim.dataset}/complete HTTP/1.1\r\nHost: {host}\r\n${auth}${json}`;
  const get = `GET {path}/v1/datasets/${victim.dataset} HTTP/1.1\r\nHost: {host}\r\n`;
  const tenant = victim.tenantId ?? 'tenant-a';
  const chunked = '2\r\n{}\r\n0\r\n\r\n';
  return [
    ['CL and TE', `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n${end}\r\n0\r\n\r\n${SMUGGLED}`],
    ['TE and CL', `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n${end}\r\n0\r\n\r\n${SMUGGLED}`],
    ['two lengths', `${post}Content-Length: 2\r\nContent-Length: 90\r\n${end}\r\n{}${SMUGGLED}`],
    ['length as a list', `${post}Content-Length: 2, 90\r\n${end}\r\n{}${SMUGGLED}`],
    ['negative length', `${post}Content-Length: -1\r\n${end}\r\n{}${SMUGGLED}`],
    ['length with a sign', `${post}Content-Length: +2\r\n${end}\r\n{}${SMUGGLED}`],
    ['length in hex', `${post}Content-Length: 0x2\r\n${end}\r\n{}${SMUGGLED}`],
    ['huge length', `${post}Content-Length: 99999999999999999999\r\n${end}\r\n{}${SMUGGLED}`],
    ['unknown encoding', `${post}Transfer-Encoding: xchunked\r\n${end}\r\n${chunked}${SMUGGLED}`],
    [
      'encoding twice',
      `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n${end}\r\n${chunked}${SMUGGLED}`,
    ],
    ['space before the colon', `${post}Transfer-Encoding : chunked\r\n${end}\r\n${chunked}${SMUGGLED}`],
    ['tab before the value', `${post}Transfer-Encoding:\tchunked\r\n${end}\r\n${chunked}${SMUGGLED}`],
    ['vertical tab', `${post}Transfer-Encoding: \x0bchunked\r\n${end}\r\n${chunked}${SMUGGLED}`],
    ['folded header', `${post}Transfer-Encoding:\r\n chunked\r\n${end}\r\n${chunked}${SMUGGLED}`],
    ['bare line feeds', `${post.replaceAll('\r\n', '\n')}Content-Length: 2\n${end.replaceAll('\r\n', '\n')}\n{}`],
    ['bare carriage return', `${post}X-A: 1\rTransfer-Encoding: chunked\r\n${end}\r\n`],
    ['bad chunk size', `${post}Transfer-Encoding: chunked\r\n${end}\r\nzz\r\n{}\r\n0\r\n\r\n`],
    ['endless chunk size', `${post}Transfer-Encoding: chunked\r\n${end}\r\n${'f'.repeat(40)}\r\n`],
    ['chunk extension', `${post}Transfer-Encoding: chunked\r\n${end}\r\n2;a=${'b'.repeat(100)}\r\n{}\r\n0\r\n\r\n`],
    ['trailer', `${post}Transfer-Encoding: chunked\r\n${end}\r\n2\r\n{}\r\n0\r\nX-Amz-Tenant-Id: ${tenant}\r\n\r\n`],
    ['body of a GET', `${get}${auth}Content-Length: 50\r\n${end}\r\n${SMUGGLED}`],
    ['pipelined', `${get}${auth}\r\n${SMUGGLED}`],
    ['null byte in a header', `${get}${auth}X-A: a\0b\r\n${end}\r\n`],
    ['tenant behind an underscore', `${get}${auth}X_Amz_Tenant_Id: ${tenant}\r\n${end}\r\n`],
    ['tenant behind a space', `${get}${auth}X-Amz-Tenant-Id : ${tenant}\r\n${end}\r\n`],
    ['tenant in Connection', `${get}${auth}Connection: close, X-Amz-Tenant-Id\r\nX-Amz-Tenant-Id: ${tenant}\r\n\r\n`],
    ['two keys', `${get}${auth}Authorization: Bearer x\r\nx-api-key: y\r\n${end}\r\n`],
    ['two hosts', `${get}Host: 169.254.169.254\r\n${auth}${end}\r\n`],
    ['no host', `GET {path}/v1/datasets/${victim.dataset} HTTP/1.1\r\n${auth}${end}\r\n`],
    [
      'whole URL',
      `GET http://169.254.169.254/v1/datasets/${victim.dataset} HTTP/1.1\r\nHost: {host}\r\n${auth}${end}\r\n`,
    ],
    ['CONNECT', `CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254:80\r\n${auth}${end}\r\n`],
    ['asterisk', `OPTIONS * HTTP/1.1\r\nHost: {host}\r\n${auth}${end}\r\n`],
    ['HTTP/0.9', `GET {path}/v1/datasets\r\n\r\n`],
    ['HTTP/1.0', `GET {path}/v1/datasets/${victim.dataset} HTTP/1.0\r\n${auth}\r\n`],
    ['HTTP/3.7', `GET {path}/v1/datasets/${victim.dataset} HTTP/3.7\r\nHost: {host}\r\n${auth}\r\n`],
    ['upgrade', `${get}${auth}Connection: Upgrade\r\nUpgrade: h2c, websocket\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`],
    ['raw UTF-8 path', `GET {path}/v1/datasets/\xc3\xa9\xff HTTP/1.1\r\nHost: {host}\r\n${auth}${end}\r\n`],
    ['space in the path', `GET {path}/v1/datasets/${victim.dataset} x HTTP/1.1\r\nHost: {host}\r\n${auth}${end}\r\n`],
    ['many headers', `${get}${auth}${'X-A: b\r\n'.repeat(3000)}${end}\r\n`],
    ['large header', `${get}${auth}X-A: ${'b'.repeat(200_000)}\r\n${end}\r\n`],
    ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ];
}

export const smuggling: AttackKind = {
  name: 'header smuggling',
  *attempts(scene) {
    for (const [label, raw] of rawRequests(scene)) {
      yield {
        label,
        request: { raw },
        mayHangUp: true,
        check: ({ head }) =>
          /HTTP\/1\.[01] 2\d\d/.test(head)
            ? 'a request without a key, or for another tenant, was answered 2xx'
            : undefined,
      };
    }
  },
};
