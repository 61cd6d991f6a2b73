// Opens a page in Chromium, headless, and prints what it is made of as JSON: console messages, requests that are no data
// URIs, whether it is wider than the window, and whether its sounds can be played. With FILE, also draws the page.
//
//   node page.mjs CHROMIUM PAGE WIDTH light|dark [FILE.png]
//
// Speaks the DevTools protocol over two pipes: messages end with a 0 byte.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [chromium, page, width, scheme, picture] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), 'page-'));
const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--mute-audio',
  '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
  '--autoplay-policy=no-user-gesture-required', `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });

const waiting = new Map(), listeners = [];
let rest = '', last = 0;
browser.stdio[4].setEncoding('utf8').on('data', text => {
  const messages = (rest + text).split('\0');
  rest = messages.pop();
  for (const message of messages.map(m => JSON.parse(m))) {
    const { id, error, result } = message;
    if (!id) listeners.forEach(listen => listen(message));
    else if (error) waiting.get(id).reject(new Error(error.message));
    else waiting.get(id).resolve(result);
  }
});
let session;
const call = (method, params = {}) => new Promise((resolve, reject) => {
  waiting.set(++last, { resolve, reject });
  browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId: session }) + '\0');
});
const evaluate = async expression =>
  (await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;

const quit = setTimeout(() => { console.error('the browser does not answer'); browser.kill(); process.exit(1); }, 60000);
const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
const requests = [], messages = [];
listeners.push(({ method, params }) => {
  if (method === 'Network.requestWillBeSent' && !params.request.url.startsWith('data:')) requests.push(params.request.url);
  if (method === 'Log.entryAdded') messages.push(params.entry.text);
  if (method === 'Runtime.exceptionThrown') messages.push(params.exceptionDetails.text);
});
for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await call(`${domain}.enable`);
await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
await call('Emulation.setDeviceMetricsOverride', { width: +width, height: 900, deviceScaleFactor: 1, mobile: +width < 600 });
const loaded = new Promise(done => listeners.push(({ method }) => method === 'Page.loadEventFired' && done()));
await call('Page.navigate', { url: `file://${resolve(page)}` });
await loaded;

const seen = await evaluate(`(async () => {
  const sounds = await Promise.all([...document.querySelectorAll('audio')].map(async a => {
    a.muted = true;
    try { await a.play(); } catch (problem) { return String(problem); }
    for (let tries = 0; a.currentTime === 0 && tries < 100; tries++) await new Promise(done => setTimeout(done, 50));
    const played = a.currentTime > 0;
    a.pause();
    a.currentTime = 0;
    return played ? a.duration : 'silent';
  }));
  return {
    title: document.title,
    ground: getComputedStyle(document.body).backgroundColor,
    overflow: document.documentElement.scrollWidth - innerWidth,
    pictures: [...document.images].map(i => i.naturalWidth),
    charts: document.querySelectorAll('svg').length,
    sounds,
  };
})()`);
console.log(JSON.stringify({ ...seen, requests: requests.slice(1), messages }));
if (picture) {
  const shot = await call('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png' });
  writeFileSync(picture, Buffer.from(shot.data, 'base64'));
}
clearTimeout(quit);
browser.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
session = undefined;
call('Browser.close');
