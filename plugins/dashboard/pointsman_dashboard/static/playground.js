// The playground: one prompt to two models, both answers as they come, and a vote.
"use strict";

const form = document.querySelector("#ask");
const votes = document.querySelector("#votes");
const stop = document.querySelector("#stop");
const headers = { "content-type": "application/json", "x-csrf-token": token };
let asked = [];
let leaving = null;

// Lines of a stream of events, however the bytes are cut.
async function* lines(body) {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces(body)) {
    rest += decoder.decode(piece, { stream: true });
    const found = rest.split("\n");
    rest = found.pop();
    yield* found;
  }
  yield rest + decoder.decode();
}

async function* pieces(body) {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function message(data) {
  return data?.error?.message ?? "the request failed";
}

async function ask(side, signal) {
  const pane = document.getElementById(side);
  const answer = pane.querySelector(".answer");
  const facts = pane.querySelector(".facts");
  const model = pane.querySelector("input").value.trim();
  answer.textContent = "";
  answer.classList.remove("wrong");
  facts.textContent = "…";
  if (!model) {
    facts.textContent = "Name a model.";
    return null;
  }
  const begun = performance.now();
  let first = null;
  let usage = null;
  let failed = null;
  const messages = [];
  if (form.system.value.trim()) messages.push({ role: "system", content: form.system.value });
  messages.push({ role: "user", content: form.prompt.value });
  const request = { model, messages, stream: true, usage: { include: true }, stream_options: { include_usage: true } };
  const most = Number.parseInt(form.max_tokens.value, 10);
  if (most > 0) request.max_tokens = most;
  try {
    const reply = await fetch(form.dataset.chat, { method: "POST", headers, body: JSON.stringify(request), signal });
    const generation = reply.headers.get("x-generation-id");
    if (!reply.ok) throw new Error(message(await reply.json().catch(() => null)));
    for await (const line of lines(reply.body)) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice(5).trim();
      if (data === "[DONE]" || data === "") continue;
      const event = JSON.parse(data);
      if (event.error) failed = message(event);
      const text = event.choices?.[0]?.delta?.content;
      if (text) {
        first ??= performance.now() - begun;
        answer.append(text);
      }
      usage = event.usage ?? usage;
    }
    if (failed) throw new Error(failed);
    const said = [`${((performance.now() - begun) / 1000).toFixed(1)} s`];
    if (first !== null) said.unshift(`first content ${first.toFixed(0)} ms`);
    if (usage) {
      said.push(`${usage.prompt_tokens} tokens in, ${usage.completion_tokens} out`);
      said.push(typeof usage.cost === "number" ? `$${usage.cost.toPrecision(3)}` : "unpriced");
    }
    facts.textContent = `${said.join(" · ")} · `;
    if (generation) {
      const link = document.createElement("a");
      link.href = form.dataset.logs + encodeURIComponent(generation);
      link.textContent = generation;
      facts.append(link);
    }
    return { model, generation };
  } catch (error) {
    if (error.name === "AbortError") {
      facts.textContent = "stopped";
    } else {
      facts.textContent = "failed";
      answer.classList.add("wrong");
      answer.append((answer.textContent ? "\n\n" : "") + error.message);
    }
    return null;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  leaving?.abort();
  leaving = new AbortController();
  stop.disabled = false;
  if (votes) votes.hidden = true;
  asked = await Promise.all([ask("one", leaving.signal), ask("other", leaving.signal)]);
  stop.disabled = true;
  if (votes && asked[0]?.generation && asked[1]?.generation) {
    votes.hidden = false;
    votes.querySelector("p").textContent = "";
    votes.querySelectorAll("button").forEach((button) => { button.disabled = false; });
  }
});

stop.addEventListener("click", () => leaving?.abort());

votes?.addEventListener("click", async (event) => {
  const is = event.target.dataset?.is;
  if (!is) return;
  const body = new URLSearchParams({ generation: asked[0].generation, rival: asked[1].generation, is });
  const reply = await fetch(form.dataset.vote, { method: "POST", headers: { "x-csrf-token": token }, body });
  const told = await reply.json().catch(() => ({}));
  votes.querySelector("p").textContent = reply.ok ? "Thank you: it is counted." : (told.error ?? "It could not be counted.");
  votes.querySelectorAll("button").forEach((button) => { button.disabled = reply.ok; });
});
