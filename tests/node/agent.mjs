// A phone agent on OpenAI's own package, as one would write it for api.openai.com: it answers calls, runs two tools and
// hangs up. It reads OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_WEBHOOK_SECRET, says where it listens, and prints the
// types of the events it got when the call is over.
import http from "node:http";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";

const client = new OpenAI({ maxRetries: 0 });

const session = {
  type: "realtime",
  model: "gpt-realtime-2.1",
  instructions: "You answer for Example Corp.",
  tools: [
    { type: "function", name: "opening_hours", parameters: { type: "object", properties: { day: { type: "string" } } } },
    { type: "function", name: "hang_up", parameters: { type: "object", properties: {} } },
  ],
};

const server = http.createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  let event;
  try {
    event = await client.webhooks.unwrap(body, request.headers);
  } catch (error) {
    response.writeHead(400).end();
    return;
  }
  response.writeHead(200).end();
  if (event.type === "realtime.call.incoming") await answer(event.data.call_id);
});

async function answer(callId) {
  await client.realtime.calls.accept(callId, session);
  const sideband = new OpenAIRealtimeWS({ callID: callId }, client);
  const seen = [];
  let goodbye = false;
  sideband.socket.on("open", () => sideband.send({ type: "response.create" }));
  sideband.on("event", (event) => seen.push(event.type));
  sideband.on("error", (error) => seen.push(`error: ${error.message}`));
  sideband.on("response.function_call_arguments.done", (call) => {
    if (call.name === "hang_up") {
      goodbye = true;
      return;
    }
    const output = JSON.stringify({ open: "10 am to 4 pm" });
    sideband.send({
      type: "conversation.item.create",
      item: { type: "function_call_output", call_id: call.call_id, output },
    });
  });
  sideband.on("response.done", (event) => {
    const asked = event.response.output.some((item) => item.type === "function_call" && item.name !== "hang_up");
    if (asked) sideband.send({ type: "response.create" });
  });
  sideband.on("output_audio_buffer.stopped", () => goodbye && client.realtime.calls.hangup(callId));
  sideband.socket.on("close", () => {
    console.log(JSON.stringify(seen));
    server.close();
  });
}

server.listen(0, "127.0.0.1", () => console.log(server.address().port));
