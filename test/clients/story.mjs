// story.mjs KIND PROGRAM STORE HOME WORK: two agents play a whole story through
// an official client of the protocol, and every answer is held against what it
// must say. One line "ok|WHAT" or "no|WHAT|GOT" for each check.
//
// KIND: sdk1 (the 1.x client), sdk2 (2.x as it comes), sdk2-auto, sdk2-pin.
import { createRequire } from 'node:module';
import { mkdirSync } from 'node:fs';

const need = createRequire(new URL('../bin/clients/package.json', import.meta.url));
const [kind, program, store, home, work] = process.argv.slice(2);
const old = kind === 'sdk1';
const { Client } = need(old ? '@modelcontextprotocol/sdk/client/index.js' : '@modelcontextprotocol/client');
const { StdioClientTransport } = need(old ? '@modelcontextprotocol/sdk/client/stdio.js' : '@modelcontextprotocol/client/stdio');
const modern = kind === 'sdk2-auto' || kind === 'sdk2-pin';
const wantedVersion = modern ? '2026-07-28' : '2025-11-25';
const modes = { 'sdk2-auto': 'auto', 'sdk2-pin': { pin: '2026-07-28' } };

let failed = 0;
function check(what, good, got) {
	const line = String(got).replaceAll('\n', '\\n').slice(0, 500);
	process.stdout.write(good ? `ok|${kind}: ${what}\n` : `no|${kind}: ${what}|${line}\n`);
	failed += good ? 0 : 1;
}
const says = (what, text, ...patterns) =>
	check(what, patterns.every((p) => p.test(text)), text);

// Everything that the client was told on the side goes here: it should stay empty.
const complaints = [];
const changes = [];

async function connect(name, env = {}) {
	const dir = `${work}/${name}`;
	mkdirSync(dir, { recursive: true });
	const transport = new StdioClientTransport({
		command: program, args: ['serve'], cwd: dir, stderr: 'pipe',
		env: { HOME: home, INTERAGENT_DIR: store, PATH: process.env.PATH, ...env },
	});
	transport.stderr?.on('data', (bytes) => complaints.push(`${name} stderr: ${bytes}`));
	const options = { capabilities: {} };
	if (modes[kind])
		options.versionNegotiation = { mode: modes[kind] };
	if (!old)
		options.listChanged = { tools: { onChanged: () => changes.push(name) } };
	const client = new Client({ name: `test-${name}`, version: '1' }, options);
	client.onerror = (e) => complaints.push(`${name}: ${e.message}`);
	await client.connect(transport);
	return { name, client, transport };
}

const closed = new Set();
async function close(agent) {
	const pid = agent.transport.pid;
	await agent.client.close();
	closed.add(pid);
	return pid;
}
const runs = (pid) => { try { process.kill(pid, 0); return true; } catch { return false; } };

async function use(agent, name, args) {
	const answer = await agent.client.callTool(args ? { name, arguments: args } : { name });
	return { text: answer.content.map((block) => block.text).join('\n'), failed: answer.isError === true, answer };
}
const ask = async (agent, name, args) => (await use(agent, name, args)).text;

async function refused(what, promise, code) {
	try {
		check(what, false, JSON.stringify(await promise));
	} catch (e) {
		check(what, e.code === code, `${e.code} ${e.message}`);
	}
}

async function handshake(web) {
	const version = web.transport.protocolVersion ?? web.transport._protocolVersion ?? web.client.getNegotiatedProtocolVersion?.();
	check(`it speaks ${wantedVersion}`, (version ?? wantedVersion) === wantedVersion, version);
	if (!old)
		check('its era is right', web.client.getProtocolEra() === (modern ? 'modern' : 'legacy'), web.client.getProtocolEra());
	check('the server has a name', web.client.getServerVersion()?.name === 'interagent', JSON.stringify(web.client.getServerVersion()));
	says('... and instructions', web.client.getInstructions() ?? '', /check_inbox/);
	const capabilities = web.client.getServerCapabilities();
	check('... and tools and resources, and nothing else', Object.keys(capabilities).sort().join() === 'resources,tools', JSON.stringify(capabilities));
	const { tools } = await web.client.listTools();
	check('it lists 14 tools', tools.length === 14, tools.length);
	check('... each with a schema and a description', tools.every((t) => t.inputSchema.type === 'object' && t.description), '');
	check('... and none of them twice', new Set(tools.map((t) => t.name)).size === 14, '');
	if (!modern)
		check('it pings', JSON.stringify(await web.client.ping()) === '{}', 'another answer');
}

async function bug(web, api) {
	says('web registers', await ask(web, 'register_agent', { name: 'web', description: 'The browser client' }), /web is registered/);
	says('api registers', await ask(api, 'register_agent', { name: 'api', description: 'The HTTP server' }), /api is registered/);
	says('web sees both', await ask(web, 'list_agents'), /^web.*browser/m, /^api.*HTTP/m);
	says('get_agent', await ask(api, 'get_agent', { name: 'web' }), /browser client/);
	says('web sends', await ask(web, 'send_message',
		{ to: 'api', subject: 'POST /users answers 500 – café 👋', content: 'Line one\nLine "two" \\ <b>é</b> 👋 end', urgent: true }), /stored/, /api/);
	const inbox = await ask(api, 'check_inbox');
	says('api finds it', inbox, /^1 unread/, /from web/, /café 👋/);
	const id = /\b[0-9a-f]{8}\b/.exec(inbox)[0];
	says('api reads it', await ask(api, 'read_message', { message_id: id }), /^[0-9a-f]{8} from web to api/, /^Line one\nLine "two" \\ <b>é<\/b> 👋 end$/m);
	says('... which acknowledges it', await ask(api, 'check_inbox'), new RegExp(`${id}.*POST`), /^(?!.*[1-9] unread)/);
	says('api replies and completes', await ask(api, 'reply_message',
		{ original_message_id: id, content: 'Fixed.', mark_complete: true }), /stored/, /completed/);
	const answers = await ask(web, 'check_inbox');
	says('web finds the answer', answers, /from api/, /Re: POST/);
	says('... and reads what it answers', await ask(web, 'read_message', { message_id: /\b[0-9a-f]{8}\b/.exec(answers)[0] }),
		new RegExp(`in reply to ${id}`), /Fixed\./);
}

async function specs(web, api) {
	const content = `# users\n${'A line of the contract that stays as it is.\n'.repeat(50)}name: required`;
	says('api publishes a spec', await ask(api, 'publish_spec', { name: 'users-api', content }), /users-api.*published/);
	says('web gets it', await ask(web, 'get_spec', { name: 'users-api' }), /name: required/);
	says('... and lists it', await ask(web, 'list_specs'), /users-api/);
	says('api publishes the next version', await ask(api, 'publish_spec',
		{ name: 'users-api', content: `${content}\nemail: optional`, base_version: 1, note: 'email' }), /published/);
	says('web sees what changed', await ask(web, 'get_spec', { name: 'users-api', since: 1 }), /^\+email: optional/m);
	says('... and is told by mail', await ask(web, 'check_inbox'), /users-api/);
	const { resources } = await web.client.listResources();
	check('the spec is a resource', resources.length === 1 && resources[0].name === 'users-api', JSON.stringify(resources));
	const { contents } = await web.client.readResource({ uri: resources[0].uri });
	says('... with its text', contents[0].text, /email: optional/);
	const { resourceTemplates } = await web.client.listResourceTemplates();
	check('it has a template', resourceTemplates.length > 0, JSON.stringify(resourceTemplates));
	await refused('a resource that is not there is an error', web.client.readResource({ uri: `${resources[0].uri}-none` }),
		-32602);
}

async function statuses(web, api) {
	says('web says what it does', await ask(web, 'set_status', { status: 'tests the form' }), /is set/);
	says('api asks', await ask(api, 'get_status', { agent_name: 'web' }), /tests the form/);
	says('all statuses', await ask(api, 'get_all_statuses'), /^web.*tests the form/m, /^api/m);
}

async function escalation(web, api) {
	await ask(web, 'send_message', { to: 'api', subject: 'Delete accounts?', content: 'May the server delete them?' });
	const id = /([0-9a-f]{8}).*Delete accounts/.exec(await ask(api, 'check_inbox'))[1];
	says('api escalates', await ask(api, 'escalate', { message_id: id, reason: 'A person should decide.' }), new RegExp(`${id}.*escalated`));
	says('... which its inbox shows', await ask(api, 'check_inbox'), /escalated/);
}

async function faults(web) {
	const unknown = await use(web, 'send_message', { to: 'nobody', subject: 's', content: 'c' });
	check('an unknown recipient is a refusal', unknown.failed && /api/.test(unknown.text), unknown.text);
	const missing = await use(web, 'send_message', { to: 'api' });
	check('a missing argument is a refusal', missing.failed && /subject/.test(missing.text), missing.text);
	await refused('an unknown tool is an error', web.client.callTool({ name: 'no_such_tool', arguments: {} }), -32602);
}

async function readAll(agent) {
	for (const [id] of (await ask(agent, 'check_inbox')).matchAll(/\b[0-9a-f]{8}\b/g))
		await ask(agent, 'read_message', { message_id: id });
}

// A call that waits, which the arrival of mail ends.
async function waiting(web, api) {
	await readAll(api);
	const call = api.client.callTool({ name: 'check_inbox', arguments: { wait_seconds: 50 } },
		...(old ? [undefined] : []), { onprogress: () => {}, resetTimeoutOnProgress: true });
	await ask(web, 'send_message', { to: 'api', subject: 'wake up', content: 'now' });
	says('a call that waits is ended by mail', (await call).content[0].text, /wake up/);
}

async function cancelled(api) {
	await readAll(api);
	const stop = new AbortController();
	const call = api.client.callTool({ name: 'check_inbox', arguments: { wait_seconds: 300 } },
		...(old ? [undefined] : []), { signal: stop.signal });
	setTimeout(() => stop.abort('enough'), 100);
	await call.then(() => check('a call that waits can be given up', false, 'answered'),
		() => check('a call that waits can be given up', true));
	says('... and the server serves on', await ask(api, 'get_status', { agent_name: 'api' }), /./);
}

async function play() {
	const web = await connect('web');
	const api = await connect('api');
	await handshake(web);
	await bug(web, api);
	await specs(web, api);
	await statuses(web, api);
	await escalation(web, api);
	await faults(web);
	await waiting(web, api);
	await cancelled(api);
	for (const agent of [web, api]) {
		const pid = await close(agent);
		check(`the server of ${agent.name} is gone with its client`, pid == null || !runs(pid), pid);
	}
	const pinned = await connect('elsewhere', { INTERAGENT_NAME: 'web' });
	says('a server that is told its name speaks under it', await ask(pinned, 'set_status', { status: 'back' }), /web/);
	await close(pinned);
	check('no client complained, and no server', complaints.length === 0, complaints.join(' / '));
}

const timer = setTimeout(() => { console.log(`no|${kind}: the story ends|it hangs`); process.exit(1); }, 120000);
try {
	await play();
} catch (e) {
	check('the story ends', false, e.stack);
}
clearTimeout(timer);
process.exit(failed ? 1 : 0);
