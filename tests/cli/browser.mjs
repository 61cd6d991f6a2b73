// Chromium, headless, spoken to by the DevTools protocol over two pipes: messages end with a 0 byte.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export async function openBrowser(chromium, flags = []) {
  const profile = mkdtempSync(join(tmpdir(), 'page-'));
  const browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--mute-audio',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
    '--autoplay-policy=no-user-gesture-required', `--user-data-dir=${profile}`, '--remote-debugging-pipe', ...flags, 'about:blank'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const quit = setTimeout(() => { console.error('the browser does not answer'); browser.kill(); process.exit(1); }, 110000);
  const waiting = new Map(), listeners = [];
  let rest = '', last = 0, session;
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
  const call = (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    browser.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId: session }) + '\0');
  });
  const evaluate = async expression =>
    (await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result.value;
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  ({ sessionId: session } = await call('Target.attachToTarget', { targetId, flatten: true }));
  const requests = [], messages = []; // that are no data URIs; of the console
  listeners.push(({ method, params }) => {
    if (method === 'Network.requestWillBeSent' && !params.request.url.startsWith('data:')) requests.push(params.request.url);
    if (method === 'Log.entryAdded') messages.push(params.entry.text);
    if (method === 'Runtime.exceptionThrown') messages.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
  });
  for (const domain of ['Page', 'Network', 'Log', 'Runtime']) await call(`${domain}.enable`);

  // The page as a window of this width and `light` or `dark` has it; still: its script is off.
  const show = async (page, width, scheme, still = false) => {
    await call('Emulation.setScriptExecutionDisabled', { value: still });
    await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await call('Emulation.setDeviceMetricsOverride', { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
    const loaded = new Promise(done => listeners.push(({ method }) => method === 'Page.loadEventFired' && done()));
    const file = () => `file://${resolve(page).split('/').map(encodeURIComponent).join('/')}`;
    await call('Page.navigate', { url: page.startsWith('http://') ? page : file() });
    await loaded;
  };
  // The element is an expression in the page; across: where in its width.
  const click = async (element, across = width => width / 2) => {
    const { x, y, width, height } = JSON.parse(await evaluate(`JSON.stringify(${element}.getBoundingClientRect())`));
    for (const type of ['mousePressed', 'mouseReleased'])
      await call('Input.dispatchMouseEvent', { type, x: x + across(width), y: y + height / 2, button: 'left', clickCount: 1 });
  };
  const close = () => {
    clearTimeout(quit);
    browser.on('exit', () => rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
    session = undefined;
    call('Browser.close');
  };
  return { call, evaluate, show, click, close, requests, messages };
}
