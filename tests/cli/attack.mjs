// Attacks the server of `convo view`, and prints what it answered as JSON.    node attack.mjs http://127.0.0.1:PORT/
import { connect } from 'node:net';

const { hostname, port } = new URL(process.argv[2]);
const here = `${hostname}:${port}`;
const sleep = ms => new Promise(done => setTimeout(done, ms));

// Sends bytes as they are; status 0: the connection ended without an answer.
const raw = text => new Promise(done => {
  const socket = connect(+port, hostname, () => socket.end(text));
  let answer = '';
  const end = () => done({ status: +(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), answer });
  socket.setEncoding('utf8').on('data', data => answer += data).on('close', end).on('error', () => {});
  setTimeout(() => socket.destroy(), 10000);
});
const ask = (path, { host = here, method = 'GET', more = '' } = {}) =>
  raw(`${method} ${path} HTTP/1.1\r\n${host === null ? '' : `Host: ${host}\r\n`}Connection: close\r\n${more}\r\n`);
const status = async (...request) => (await ask(...request)).status;

const hosts = {}, paths = {}, methods = {};
for (const host of [here, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`, null, '', 'evil.example', `evil.example:${port}`,
  '127.0.0.1', '127.0.0.1:80', `127.0.0.1.evil.example:${port}`, `localhost.evil.example:${port}`, `127.0.0.1:${port}@evil.example`,
  `[::1]evil:${port}`, `192.168.0.1:${port}`, `:${port}`]) hosts[host] = await status('/', { host });
for (const path of ['/', '/run/0', '/run/0/live', '/run/99', '/run/18446744073709551616', '/run/-1', '/run/', '/run/0x0', '/run/0/',
  '/run/0/../../../../../../etc/passwd', '/../../../../../../etc/passwd', '/run/%2e%2e%2f%2e%2e%2fetc%2fpasswd', '//etc/passwd',
  '/run/0%00', '/run/0/best.safetensors', '/metrics.jsonl', '/run/0/metrics.jsonl', '/favicon.ico', `http://evil.example/`])
  paths[path] = await status(path);
for (const method of ['HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'X'])
  methods[method] = await status('/', { method, more: method === 'POST' ? 'Content-Length: 5\r\n' : '' });
const sites = {
  image: await status('/run/0', { more: 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n' }),
  link: await status('/run/0', { more: 'Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n' }),
  own: await status('/run/0', { more: 'Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n' }),
};
const { answer: first } = await ask('/?sort=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E');
const headers = first.slice(0, first.indexOf('\r\n\r\n')).toLowerCase();
const garbage = {
  noise: (await raw(Buffer.from(Array.from({ length: 4096 }, (_, k) => (k * 7919) % 256)))).status,
  header: (await raw(`GET / HTTP/1.1\r\nHost: ${here}\r\nX: ${'x'.repeat(1 << 20)}\r\n\r\n`)).status,
  path: (await raw(`GET /${'x'.repeat(1 << 20)} HTTP/1.1\r\nHost: ${here}\r\n\r\n`)).status,
  headers: (await raw(`GET / HTTP/1.1\r\nHost: ${here}\r\n${'X: y\r\n'.repeat(10000)}\r\n`)).status,
};

// A thousand connections that say a letter now and then.
const slow = [];
let closed = 0;
for (let k = 0; k < 1000; k++) {
  const socket = connect(+port, hostname, () => socket.write('GET / HTTP/1.1\r\nX: '));
  socket.on('error', () => {}).on('close', () => closed++);
  slow.push(socket);
}
const drip = setInterval(() => slow.forEach(socket => socket.writable && socket.write('x')), 1000);
await sleep(2000);
const open = slow.length - closed;
let longest = 0, answered = 0;
for (let k = 0; k < 20; k++) {
  const began = performance.now();
  answered += await status('/') === 200;
  longest = Math.max(longest, performance.now() - began);
}
for (let tries = 0; tries < 40 && closed < slow.length; tries++) await sleep(500);
clearInterval(drip);
slow.forEach(socket => socket.destroy());

// Listeners beyond the limit.
const events = [];
let refused = 0;
for (let k = 0; k < 80; k++) {
  const socket = connect(+port, hostname, () => socket.write(`GET /events HTTP/1.1\r\nHost: ${here}\r\n\r\n`));
  socket.setEncoding('utf8').on('data', text => refused += / 503 /.test(text)).on('error', () => {});
  events.push(socket);
}
await sleep(1000);
events.forEach(socket => socket.destroy());
console.log(JSON.stringify({ hosts, paths, methods, sites, headers, script: first.includes('<script>alert'), garbage,
  slow: { open, answered, longest, closed }, refused, after: await status('/') }));
process.exit(0);
