// Lists models, reads endpoints, chats both ways and reads the generations; prints what it got as JSON.
import { OpenRouter } from "@openrouter/sdk";

const [serverURL, apiKey] = process.argv.slice(2);
const client = new OpenRouter({ apiKey, serverURL });

const models = [];
for await (const page of await client.models.list({ limit: 2 })) {
  models.push(...page.result.data.map((model) => model.id));
}

const { data } = await client.endpoints.list({ author: "meta", slug: "llama" });
const endpoint = { tag: data.endpoints[0].tag, provider: data.endpoints[0].providerName };

const chats = [];
for (const [model, stream] of ["acme/large", "acme/relayed"].flatMap((each) => [[each, false], [each, true]])) {
  const answer = await client.chat.send({
    chatRequest: { model, messages: [{ role: "user", content: "Hello" }], stream },
  });
  let id = "";
  let said = "";
  if (stream) {
    for await (const chunk of answer) {
      id = chunk.id;
      said += chunk.choices[0]?.delta.content ?? "";
    }
  } else {
    id = answer.id;
    said = answer.choices[0].message.content;
  }
  const generation = (await client.generations.getGeneration({ id })).data;
  chats.push({ id, said, cost: generation.totalCost, streamed: generation.streamed });
}

console.log(JSON.stringify({ models, endpoint, chats }));
