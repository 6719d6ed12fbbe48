// Talking to the node: JSON with the forgery token, errors as sentences.
export const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

export class Refused extends Error {
  constructor(status, body) {
    super(body?.reason || body?.error || String(status));
    this.status = status;
    this.fields = body?.fields ?? {};
    this.body = body;
  }
}

export async function call(method, url, body) {
  const headers = { Accept: "application/json", "X-CSRFToken": token() };
  const options = { method, headers, credentials: "same-origin" };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(url, options);
  const kind = answer.headers.get("Content-Type") ?? "";
  const value = kind.includes("json") ? await answer.json() : { reason: (await answer.text()).slice(0, 300) };
  if (!answer.ok) throw new Refused(answer.status, value);
  return value;
}

export const get = (url) => call("GET", url);
export const post = (url, body) => call("POST", url, body ?? {});
