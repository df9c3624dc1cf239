// codex.mjs CODEX MODEL: starts `codex app-server` in the working directory, as
// editors do, and lets it call tools of the server that its configuration names:
// first itself, without a model, then in a turn of the model at the address MODEL,
// under the policy by which it asks its user. What it asks is said no to, and noted.
// One line "ok|WHAT" or "no|WHAT|GOT" for each check.
import { spawn } from 'node:child_process';

const codex = spawn(process.argv[2], ['app-server'], { stdio: ['pipe', 'pipe', 'ignore'] });
const awaited = new Map();
const asked = [];
let buffered = '', next = 0, turned;
const ended = new Promise((resolve) => { turned = resolve; });
codex.on('error', (e) => { check('codex starts', false, e.message); process.exit(1); });
codex.stdin.on('error', () => {});
codex.stdout.on('data', (bytes) => {
	buffered += bytes;
	for (let end; (end = buffered.indexOf('\n')) >= 0; buffered = buffered.slice(end + 1)) {
		const message = JSON.parse(buffered.slice(0, end));
		if (message.method && message.id !== undefined) {
			asked.push(message.method);
			codex.stdin.write(`${JSON.stringify({ id: message.id, error: { code: -32000, message: 'no' } })}\n`);
		} else if (message.method === 'turn/completed') {
			turned(message.params);
		} else {
			awaited.get(message.id)?.(message);
		}
	}
});

function check(what, good, got) {
	console.log(good ? `ok|codex: ${what}` : `no|codex: ${what}|${String(got).replaceAll('\n', '\\n').slice(0, 500)}`);
}
const request = (method, params) => new Promise((resolve) => {
	awaited.set(next, resolve);
	codex.stdin.write(`${JSON.stringify({ id: next++, method, params })}\n`);
});
const timer = setTimeout(() => { check('it answers', false, 'it hangs'); codex.kill('SIGKILL'); process.exit(1); }, 120000);

await request('initialize', { clientInfo: { name: 'test', version: '1' } });
codex.stdin.write('{"method":"initialized"}\n');
const started = await request('thread/start', { cwd: process.cwd(), ephemeral: true });
const threadId = started.result?.thread?.id;
check('a thread starts', threadId, JSON.stringify(started));
const listed = await request('mcpServerStatus/list', {});
const server = listed.result?.data?.find((s) => s.name === 'interagent');
check('it lists 14 tools of the server', Object.keys(server?.tools ?? {}).length === 14, JSON.stringify(listed));

async function use(tool, args, pattern) {
	const answer = await request('mcpServer/tool/call', { server: 'interagent', threadId, tool, arguments: args });
	const text = answer.result?.content?.[0]?.text ?? '';
	check(`${tool} is answered`, pattern.test(text) && !answer.result.isError, JSON.stringify(answer));
}
await use('register_agent', { name: 'api', description: 'The HTTP server' }, /api is registered/);
await use('list_agents', {}, /api: live \(Codex/);
await use('send_message', { to: 'api', subject: 'to itself', content: 'text' }, /stored/);
await use('check_inbox', {}, /1 unread/);

const mock = { name: 'mock', base_url: `${process.argv[3]}/v1`, wire_api: 'responses', env_key: 'MOCK_KEY' };
const thread = await request('thread/start', { cwd: process.cwd(), ephemeral: true, modelProvider: 'mock',
	approvalPolicy: 'on-request', sandbox: 'workspace-write', config: { model_providers: { mock } } });
await request('turn/start', { threadId: thread.result?.thread?.id, input: [{ type: 'text', text: 'go on' }] });
const turn = await ended;
check('a turn is completed', turn.turn?.status === 'completed', JSON.stringify(turn));
check('its user was asked nothing', asked.length === 0, asked.join());
codex.stdin.end();
codex.on('exit', () => { clearTimeout(timer); check('it ends with its input', true); process.exit(0); });
setTimeout(() => codex.kill(), 10000).unref();
