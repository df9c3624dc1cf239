// model.mjs PLAY LOG: a model that plays a part, on the loopback. It answers in the
// tongues that clients speak with theirs (Anthropic's messages, OpenAI's responses
// and chat completions, Gemini's generateContent), prints its port, and ends when
// its input does.
//
// PLAY is a list of steps: {tool, args}, one call of a tool of the server
// interagent for each; `before` is a shell command that is run first, `during` one
// that is run a second after the call went out; with `pages` the call is repeated
// with the offset that its answer names, until it names none. "$ID" in the arguments
// is the last id that a result has named. A step without a tool ends the turn, as do
// all after the last one: it says that it is done.
//
// LOG gets a line for each request: {step, result, told, news, instructed, names}: which
// step it answers, the text of the last tool's result, what a hook has put into the
// conversation, the subjects of all of peer's mail in it, as often as each stands there,
// whether the first line of the instructions is there to its end, and the tools of
// interagent whose full names stand in the request.
import { createServer } from 'node:http';
import { appendFileSync, readFileSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';

const [play, log] = process.argv.slice(2);
const steps = JSON.parse(readFileSync(play));
let next = 0, calls = 0, id = '', asked = '';

const text = (value) => typeof value === 'string' ? value
	: Array.isArray(value) ? value.map(text).join('\n')
	: value && typeof value === 'object' ? text(value.text ?? value.content ?? value.output ?? value.response ?? Object.values(value)) : '';

// The tools that a request offers: {tool: how the client calls it}.
function offered(body) {
	const found = {};
	const walk = (list, namespace) => {
		for (const t of list ?? []) {
			if (t.functionDeclarations || t.tools)
				walk(t.functionDeclarations ?? t.tools, t.tools ? t.name : namespace);
			const name = t.name ?? t.function?.name;
			const match = /^(?:.*interagent_*[-.]?)?([a-z_]+)$/.exec(name ?? '');
			if (match && (namespace ?? name).includes('interagent') && steps.some((s) => s.tool === match[1]))
				found[match[1]] = { name, namespace };
		}
	};
	walk(body.tools);
	// A client that gives them no prefix.
	const bare = (body.tools ?? []).map((t) => t.name ?? t.function?.name);
	if (Object.keys(found).length === 0 && bare.includes('register_agent'))
		for (const name of bare.filter((n) => steps.some((s) => s.tool === n)))
			found[name] = { name };
	// A client that keeps them behind a tool that runs a script.
	const scripts = (body.input ?? []).flatMap?.((i) => i.tools ?? []).flatMap((t) => (t.tools ?? []).map((n) => [t.name, n]))
		.find(([, t]) => t.type === 'custom' && t.name === 'exec');
	if (Object.keys(found).length === 0 && scripts)
		for (const s of steps)
			found[s.tool] = { name: 'exec', namespace: scripts[0], script: `mcp__interagent__${s.tool}` };
	// A client that keeps them behind a tool of its own for calling what is hidden.
	if (Object.keys(found).length === 0 && JSON.stringify(body.tools ?? []).includes('"tool_call"'))
		for (const s of steps)
			found[s.tool] = { name: 'tool_call', hidden: `mcp__interagent__${s.tool}` };
	return found;
}

// The tools whose full names, which also name the server, the model is shown: as
// tools, or in the text of a client that loads them later.
function named(body) {
	const full = [];
	const walk = (list, namespace) => {
		for (const t of list ?? []) {
			full.push(`${namespace}${t.name ?? t.function?.name ?? ''}`);
			walk(t.functionDeclarations ?? t.tools, t.tools ? `${t.name}__` : '');
		}
	};
	walk(body.tools, '');
	const all = `${full.join('\n')}\n${JSON.stringify(body)}`;
	return [...new Set([...all.matchAll(/interagent[_.-]+(escalate|[a-z]+(?:_[a-z]+)+)\b/g)].map((m) => m[1]))].sort();
}

// What the last tool has answered, in any of the tongues.
function lastResult(body) {
	let last;
	for (const m of body.messages ?? []) {
		if (m.role === 'tool')
			last = text(m.content);
		for (const c of Array.isArray(m.content) ? m.content : [])
			if (c.type === 'tool_result')
				last = text(c.content);
	}
	for (const i of Array.isArray(body.input) ? body.input : [])
		if (/_output$/.test(i.type))
			last = text(i.output);
	for (const c of body.contents ?? [])
		for (const p of c.parts ?? [])
			if (p.functionResponse)
				last = text(p.functionResponse.response);
	try {
		return text(JSON.parse(last));           // the answer as it came over the wire
	} catch {
		return last ?? '';
	}
}

const sh = (command) => execFileSync('sh', ['-c', command]);

// The next thing to do: a call of a tool, or a last word.
function act(body) {
	const tools = offered(body);
	if (process.env.MODEL_DEBUG)
		appendFileSync(`${log}.bodies`, `${JSON.stringify(body)}\n`);
	if (Object.keys(tools).length === 0)
		return { say: 'a title' };
	const result = lastResult(body);
	id = [...result.matchAll(/\b[0-9a-f]{8}\b/g)].map((m) => m[0])[0] ?? id;
	const told = [...JSON.stringify(body).matchAll(/interagent: \d+ unread[^"\\]*/g)].map((m) => m[0]);
	// One client shows what has held up the end of a turn twice by itself.
	const whole = JSON.stringify(body);
	const shown = whole.replaceAll(/Stop hook blocking error from command:.*?system-reminder>/g, '');
	const news = [...shown.matchAll(/from peer \\*"([a-z]+)/g)].map((m) => m[1]).sort().join(' ');
	const instructed = /of the MCP server `interagent`, not .* then check_inbox\./.test(whole);
	appendFileSync(log, `${JSON.stringify({ step: asked, result, told: told.at(-1) ?? '', news, instructed, names: named(body) })}\n`);
	const more = steps[next - 1]?.pages && /more: offset (\d+)\s*$/m.exec(result);
	const step = more ? steps[next - 1] : steps[next++];
	asked = step?.tool ?? 'end';
	if (step?.before)
		sh(step.before);
	if (!step?.tool)
		return { say: 'done' };
	if (step.during)
		spawn('sh', ['-c', `sleep 1; ${step.during}`], { stdio: 'ignore' });
	const args = JSON.parse(JSON.stringify(step.args ?? {}).replaceAll('$ID', id));
	if (more)
		args.offset = Number(more[1]);
	const [[known, like]] = Object.entries(tools);   // one that the client holds back is called all the same
	const call = tools[step.tool] ?? { ...like, name: like.name.replace(known, step.tool) };
	if (call.script)
		return { call, key: `call_${++calls}`, script: `${calls > 1 ? '' : "text(ALL_TOOLS.map((t) => t.name).join(' '));"}
			text((await tools.${call.script}(${JSON.stringify(args)})).content[0].text);` };
	return { call, args: call.hidden ? { name: call.hidden, arguments: args } : args, key: `call_${++calls}` };
}

function anthropic(body, { say, call, args, key }) {
	const block = call ? { type: 'tool_use', id: key, name: call.name, input: args } : { type: 'text', text: say };
	const message = { id: 'msg_1', type: 'message', role: 'assistant', model: body.model, content: [block],
		stop_reason: call ? 'tool_use' : 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } };
	if (!body.stream)
		return message;
	const delta = call ? { type: 'input_json_delta', partial_json: JSON.stringify(args) } : { type: 'text_delta', text: say };
	return [
		{ type: 'message_start', message: { ...message, content: [], stop_reason: null } },
		{ type: 'content_block_start', index: 0, content_block: call ? { ...block, input: {} } : { type: 'text', text: '' } },
		{ type: 'content_block_delta', index: 0, delta },
		{ type: 'content_block_stop', index: 0 },
		{ type: 'message_delta', delta: { stop_reason: message.stop_reason, stop_sequence: null }, usage: { output_tokens: 1 } },
		{ type: 'message_stop' },
	];
}

function responses(body, { say, call, args, key, script }) {
	const item = script
		? { type: 'custom_tool_call', id: `ct_${key}`, call_id: key, name: call.name, namespace: call.namespace, input: script, status: 'completed' }
		: call
		? { type: 'function_call', id: `fc_${key}`, call_id: key, name: call.name, arguments: JSON.stringify(args),
			...(call.namespace ? { namespace: call.namespace } : {}), status: 'completed' }
		: { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text: say, annotations: [] }] };
	const usage = { input_tokens: 1, input_tokens_details: { cached_tokens: 0 }, output_tokens: 1, output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 2 };
	const response = { id: 'resp_1', object: 'response', model: body.model, status: 'completed', output: [item], usage };
	if (!body.stream)
		return response;
	return [
		{ type: 'response.created', response: { ...response, status: 'in_progress', output: [] } },
		{ type: 'response.output_item.added', output_index: 0, item },
		{ type: 'response.output_item.done', output_index: 0, item },
		{ type: 'response.completed', response },
	];
}

function chat(body, { say, call, args, key }) {
	const message = call
		? { role: 'assistant', content: null, tool_calls: [{ index: 0, id: key, type: 'function', function: { name: call.name, arguments: JSON.stringify(args) } }] }
		: { role: 'assistant', content: say };
	const head = { id: 'chat_1', created: 1, model: body.model };
	const reason = call ? 'tool_calls' : 'stop';
	const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
	if (!body.stream)
		return { ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: reason }], usage };
	const chunk = (choices, more) => ({ ...head, object: 'chat.completion.chunk', choices, ...more });
	return [chunk([{ index: 0, delta: message, finish_reason: null }]), chunk([{ index: 0, delta: {}, finish_reason: reason }]), chunk([], { usage })];
}

function gemini(body, { say, call, args }) {
	const part = call ? { functionCall: { name: call.name, args } } : { text: say };
	const whole = { candidates: [{ index: 0, content: { role: 'model', parts: [part] }, finishReason: 'STOP' }],
		usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 } };
	return [whole];
}

const tongues = [
	[/\/messages$/, anthropic], [/\/responses$/, responses], [/\/chat\/completions$/, chat], [/:(stream)?[gG]enerateContent$/, gemini],
];

const server = createServer((request, answer) => {
	let body = '';
	request.on('data', (bytes) => { body += bytes; });
	request.on('end', () => {
		const path = request.url.replace(/\?.*/, '');
		if (process.env.MODEL_DEBUG)
			appendFileSync(`${log}.urls`, `${request.method} ${request.url}\n`);
		const tongue = tongues.find(([pattern]) => pattern.test(path))?.[1];
		if (!tongue || request.method !== 'POST') {
			answer.setHeader('content-type', 'application/json');
			answer.end(JSON.stringify(/count_?[tT]okens$/.test(path) ? { input_tokens: 1, totalTokens: 1 }
				: { object: 'list', data: [{ id: 'mock', object: 'model' }], models: [] }));
			return;
		}
		const said = tongue(JSON.parse(body), act(JSON.parse(body)));
		const streamed = Array.isArray(said) && !/:generateContent$/.test(path);
		answer.setHeader('content-type', streamed ? 'text/event-stream' : 'application/json');
		if (!streamed) {
			answer.end(JSON.stringify(Array.isArray(said) ? said[0] : said));
			return;
		}
		for (const event of said)
			answer.write(`${event.type ? `event: ${event.type}\n` : ''}data: ${JSON.stringify(event)}\n\n`);
		answer.end(tongue === chat ? 'data: [DONE]\n\n' : '');
	});
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
