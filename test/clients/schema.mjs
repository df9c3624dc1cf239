// schema.mjs PROGRAM [LINES]: plays a broad session of both eras with servers of
// the program, and holds every line that they write against the protocol's
// schema, and the result of every request against the schema of its method. The
// lines of the file LINES, which other servers wrote, are judged by their shape.
// One line "ok|WHAT" or "no|WHAT|GOT" for each check.
//
// Schemas: the official clients carry theirs as code, the 1.x one for the legacy
// era and the 2.x one for the modern. No npm package has the published JSON
// schemas; where SCHEMAS names a directory with them (2025-11-25/schema.json and
// so on, as the specification's repository keeps them), lines must pass these too.
import { createRequire } from 'node:module';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const need = createRequire(new URL('../bin/clients/package.json', import.meta.url));
const [program, lines] = process.argv.slice(2);
const legacyTypes = need('@modelcontextprotocol/sdk/types.js');
const modernTypes = need('@modelcontextprotocol/core');
const MODERN = '2026-07-28';
const LEGACY = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];

// ---- The published schemas ----

const published = new Map();
for (const version of [...LEGACY, MODERN]) {
	const file = `${process.env.SCHEMAS ?? ''}/${version}/schema.json`;
	if (!process.env.SCHEMAS || !existsSync(file))
		continue;
	const schema = JSON.parse(readFileSync(file, 'utf8'));
	const Ajv = schema.$defs ? need('ajv/dist/2020').default : need('ajv').default;
	const ajv = new Ajv({ strict: false, allErrors: true });
	need('ajv-formats').default(ajv);
	ajv.addSchema(schema, 'mcp');
	const place = schema.$defs ? '$defs' : 'definitions';
	const compiled = new Map();
	published.set(version, (name, value) => {
		if (!schema[place][name])
			return null;
		if (!compiled.has(name))
			compiled.set(name, ajv.compile({ $ref: `mcp#/${place}/${name}` }));
		const check = compiled.get(name);
		return check(value) ? null : `${version} ${name}: ${ajv.errorsText(check.errors).slice(0, 300)}`;
	});
}

// ---- One message ----

const RESULTS = {
	initialize: 'InitializeResult', ping: 'EmptyResult', 'server/discover': 'DiscoverResult',
	'tools/list': 'ListToolsResult', 'tools/call': 'CallToolResult', 'prompts/list': 'ListPromptsResult',
	'resources/list': 'ListResourcesResult', 'resources/templates/list': 'ListResourceTemplatesResult',
	'resources/read': 'ReadResourceResult', 'subscriptions/listen': 'SubscriptionsListenResult',
};
const SHAPES = {
	protocolVersion: 'initialize', supportedVersions: 'server/discover', tools: 'tools/list', content: 'tools/call',
	prompts: 'prompts/list', resources: 'resources/list', resourceTemplates: 'resources/templates/list', contents: 'resources/read',
};
const CACHEABLE = ['server/discover', 'tools/list', 'prompts/list', 'resources/list', 'resources/templates/list', 'resources/read'];

const method_of = (result) => SHAPES[Object.keys(SHAPES).find((name) => name in (result ?? {}))] ?? 'ping';

function zod(types, name, value) {
	const schema = types[`${name}Schema`];
	if (!schema)
		return null;
	const parsed = schema.safeParse(value);
	return parsed.success ? null : `${name}: ${parsed.error.message.replaceAll('\n', ' ').slice(0, 300)}`;
}

// What the schemas of the era say against a value; legacy answers are the same
// in every legacy version, so each of its schemas is asked. An error whose
// request could not be told has no id, which the last legacy version permits.
function against(era, name, value) {
	const versions = era === 'modern' ? [MODERN] : 'id' in value || name !== 'JSONRPCMessage' ? LEGACY : ['2025-11-25'];
	return [zod(era === 'modern' ? modernTypes : legacyTypes, name, value),
		...versions.map((version) => published.get(version)?.(name, value))].filter(Boolean);
}

function faults_of_result(era, method, result) {
	if (typeof result !== 'object' || result === null)
		return ['the result is no object'];
	const faults = RESULTS[method] ? against(era, RESULTS[method], result) : [`no result is known of ${method}`];
	if (era === 'legacy') {
		for (const name of ['resultType', 'ttlMs', 'cacheScope'])
			if (name in result)
				faults.push(`a legacy result with ${name}`);
		return faults;
	}
	if (result.resultType !== 'complete')
		faults.push('no resultType');
	if (CACHEABLE.includes(method) && !(Number.isInteger(result.ttlMs) && result.ttlMs >= 0))
		faults.push('no whole ttlMs');
	if (CACHEABLE.includes(method) && !['public', 'private'].includes(result.cacheScope))
		faults.push('no cacheScope');
	if (method !== 'subscriptions/listen' && result._meta?.['io.modelcontextprotocol/serverInfo']?.name !== 'interagent')
		faults.push('no serverInfo in _meta');
	return faults;
}

function faults_of(message, asked) {
	const era = asked?.era ?? (message.result?.resultType || message.method === 'notifications/subscriptions/acknowledged' ||
		message.error?.code === -32022 ? 'modern' : 'legacy');
	const faults = against(era, 'JSONRPCMessage', message);
	if (message.method)
		return [...faults, ...against(era, 'ServerNotification', message)];
	if (message.error)
		return [...faults, ...('id' in message ? [] : zod(modernTypes, 'JSONRPCErrorResponse', message) ?? [])];
	return [...faults, ...faults_of_result(era, asked?.method ?? method_of(message.result), message.result)];
}

// ---- Sessions ----

let said = 0, faulty = 0, answered = 0;
const check = (what, good, got) =>
	console.log(good ? `ok|${what}` : `no|${what}|${String(got).replaceAll('\n', '\\n').slice(0, 900)}`);

// Each of a batch's answers is a message of its own. An id that is echoed byte for
// byte may be an integer that JavaScript cannot hold; 1 stands for it here.
function judge(line, asked = new Map()) {
	let message;
	try {
		message = JSON.parse(line.replaceAll(/("jsonrpc":"2.0","id":)-?\d{16,}/g, '$11'));
	} catch (e) {
		return [`not JSON: ${e.message}`];
	}
	said++;
	const parts = Array.isArray(message) ? message : [message];
	const faults = parts.flatMap((part) => faults_of(part, asked.get(part.id)));
	if (Array.isArray(message) && parts.every((part) => 'id' in part))
		faults.push(published.get('2025-03-26')?.('JSONRPCBatchResponse', message));
	for (const part of parts)
		if (asked.delete(part.id))
			answered++;
	const found = faults.filter(Boolean);
	faulty += found.length > 0;
	return found.map((fault) => `${fault} IN ${line.slice(0, 300)}`);
}

const META = {
	'io.modelcontextprotocol/protocolVersion': MODERN,
	'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
	'io.modelcontextprotocol/clientCapabilities': {},
};

// play NAME ERA REQUESTS: a server gets [METHOD, PARAMS], or lines as they are,
// and is heard to its end. A third member says that no answer is due.
function play(name, era, requests) {
	const asked = new Map();
	const sent = requests.map((entry, i) => {
		if (typeof entry === 'string')
			return entry;
		const [method, params, silent] = entry;
		const id = i % 2 ? i : `${era}-${i}`;
		if (!silent)
			asked.set(id, { era, method });
		return JSON.stringify({ jsonrpc: '2.0', id, method,
			...(era === 'modern' ? { params: { ...params, _meta: { ...META, ...params?._meta } } } : params ? { params } : {}) });
	});
	for (const line of sent.filter((l) => l.startsWith('[{')))
		for (const { id, method } of JSON.parse(line))
			if (id !== undefined)
				asked.set(id, { era, method });
	return new Promise((resolve) => {
		const server = spawn(program, ['serve'], { stdio: ['pipe', 'pipe', 'ignore'] });
		let text = '';
		server.stdout.on('data', (bytes) => { text += bytes; });
		server.on('close', () => {
			const heard = text.split('\n').filter(Boolean);
			const faults = heard.flatMap((line) => judge(line, asked));
			check(`${name}: every line fits the schemas`, heard.length > 0 && faults.length === 0, faults.slice(0, 3).join(' AND ') || 'no line');
			check(`${name}: every request is answered`, asked.size === 0, JSON.stringify([...asked]));
			resolve(heard.map((line) => JSON.parse(line)));
		});
		server.stdin.end(`${sent.join('\n')}\n`);
	});
}

const tool = (name, args, meta) => ['tools/call', { name, ...(args ? { arguments: args } : {}), ...(meta ? { _meta: meta } : {}) }];
const text_of = (heard, pattern) => pattern.exec(heard.map((m) => m.result?.content?.[0]?.text ?? '').join('\n'))?.[1] ?? 'none';

const hello = (version) => ['initialize', { protocolVersion: version, capabilities: {}, clientInfo: { name: 'test', version: '1' } }];
const begin = (era) => era === 'modern' ? [['server/discover']] :
	[...[...LEGACY, '1.0.0', MODERN].map(hello), JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), ['ping']];

async function play_tools(era) {
	const sent = await play(`${era}: mail`, era, [...begin(era),
		tool('register_agent', { name: 'web', description: 'client' }), tool('register_agent', { name: 'api', description: 'server' }),
		tool('list_agents'), tool('get_agent', { name: 'api' }), tool('get_agent', { name: 'nobody' }),
		tool('send_message', { from: 'web', to: 'api', subject: 'Bug “é” 👋 \u2028', content: 'a\u0000\u0007\u2028b', urgent: true }, { progressToken: 7 }),
		tool('send_message', { from: 'web', to: 'api,web', subject: 'two', content: 'c' }),
		tool('send_message', { from: 'web', to: 'api' }), tool('send_message', { from: 'web', to: 'x', subject: 's', content: 'c' }),
		tool('check_inbox', { agent_name: 'api' }), tool('check_inbox', { agent_name: 'api', offset: '1' }), tool('check_inbox', { agent_name: 5 }),
	]);
	const id = text_of(sent, /([0-9a-f]{8})[^\n]*Bug/), other = text_of(sent, /([0-9a-f]{8})[^\n]*two/);
	check(`${era}: the mail is there`, id !== 'none' && other !== 'none', JSON.stringify(sent.slice(-3)));
	await play(`${era}: answers`, era, [
		tool('read_message', { message_id: id, reader: 'api' }), tool('read_message', { message_id: id, reader: 'api', offset: 1 }),
		tool('read_message', { message_id: '00000000', reader: 'api' }),
		tool('reply_message', { original_message_id: id, from: 'api', content: 'done', mark_complete: true }),
		tool('escalate', { message_id: other, agent_name: 'api', reason: 'a person should decide' }),
		tool('set_status', { agent_name: 'api', status: 'busy' }), tool('get_status', { agent_name: 'api' }), tool('get_all_statuses'),
		tool('publish_spec', { name: 'paper', content: '# 1\ntext', publisher: 'api' }),
		tool('publish_spec', { name: 'paper', content: '# 2\ntext', publisher: 'api', base_version: 1, note: 'n' }),
		tool('publish_spec', { name: 'paper', content: '# 3', publisher: 'api', base_version: 1 }),
		tool('get_spec', { name: 'paper' }), tool('get_spec', { name: 'paper', version: 1 }), tool('get_spec', { name: 'paper', since: 1 }),
		tool('get_spec', { name: 'none' }), tool('list_specs'), tool('check_inbox', { agent_name: 'web' }),
	]);
}

async function play_rest(era) {
	const uri = 'interagent://spec/paper';
	await play(`${era}: lists and resources`, era, [
		['tools/list'], ['tools/list', {}], ['tools/list', { cursor: 'bogus' }], ['prompts/list'], ['resources/list'], ['resources/templates/list'],
		['resources/read', { uri }], ['resources/read', { uri: `${uri}-none` }], ['resources/read', {}],
	]);
	await play(`${era}: errors`, era, [
		['no/such'], ['prompts/get', { name: 'x' }], ['completion/complete', {}], ['logging/setLevel', { level: 'info' }], ['resources/subscribe', { uri }],
		['tools/call', {}], ['tools/call', { name: 5 }], ['tools/call', { name: 'none' }], ['tools/call', { name: 'list_agents', arguments: [1] }],
		['server/discover', { _meta: { 'io.modelcontextprotocol/protocolVersion': '1900-01-01', 'io.modelcontextprotocol/clientCapabilities': {} } }],
		['tools/list', { _meta: { 'io.modelcontextprotocol/protocolVersion': 5 } }],
		['tools/list', { _meta: { 'io.modelcontextprotocol/clientCapabilities': true } }],
		era === 'modern' ? ['ping'] : ['initialize', {}], era === 'modern' ? hello('2025-11-25') : ['subscriptions/listen', { notifications: {} }],
		'not json', '[]', '5', '{"jsonrpc":"2.0","id":null,"method":"ping"}', '{"jsonrpc":"1.0","id":1.5,"method":"ping"}',
		'{"jsonrpc":"2.0","id":1,"result":{}}', '{"jsonrpc":"2.0","method":"notifications/none"}', '[{"jsonrpc":"2.0","id":"b","method":"ping"}]'.replace('[{', '[ {'),
	]);
}

// A judge that finds nothing must be known to find something.
for (const bad of ['{"jsonrpc":"2.0","id":1,"result":null}', '{"jsonrpc":"2.0","id":1,"result":{},"more":1}', '{"jsonrpc":"2.0","id":null,"result":{}}',
	'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"x"}]}}', '{"jsonrpc":"2.0","id":1,"error":{"code":1.5,"message":"x"}}',
	'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[]}}', '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"other"}]}}', '{'])
	check(`the judge finds fault with ${bad}`, judge(bad).length > 0, 'none found');
said = faulty = 0;

await play_tools('legacy');
await play_tools('modern');
await play_rest('legacy');
await play_rest('modern');
await play('legacy: a batch', 'legacy', [hello('2025-03-26'),
	'[{"jsonrpc":"2.0","id":"b1","method":"ping"},{"jsonrpc":"2.0","method":"notifications/none"},{"jsonrpc":"2.0","id":"b2","method":"tools/list"},' +
	'{"jsonrpc":"2.0","id":"b3","method":"tools/call","params":{"name":"list_agents"}}]']);
const listening = await play('modern: listening', 'modern', [
	['subscriptions/listen', { notifications: { toolsListChanged: true, resourceSubscriptions: ['interagent://spec/paper'] } }, true],
	['subscriptions/listen', {}], ['tools/list']]);
check('modern: ... is acknowledged first', listening[0]?.method === 'notifications/subscriptions/acknowledged', JSON.stringify(listening[0]));

check(`${said} lines with ${answered} answers were judged, ${faulty} at fault`, said > 100 && faulty === 0, '');
if (lines) {
	const others = readFileSync(lines, 'utf8').split('\n').filter(Boolean);
	said = faulty = 0;
	const faults = others.flatMap((line) => judge(line));
	check(`of ${said} lines of the whole suite ${faulty} are at fault`, said > 0 && faults.length === 0, faults.slice(0, 3).join(' AND '));
}
