/**
 * A recipient's whole way, over HTTP, against deployed functions and their database.
 *
 *   SUPABASE_URL=… SUPABASE_ANON_KEY=… SUPABASE_SERVICE_ROLE_KEY=… SUPABASE_DB_URL=… \
 *   TWILIO_AUTH_TOKEN=… LINK_SECRET=… deno test --allow-net --allow-env supabase/functions/tests
 *
 * Each run makes a campaign of its own and removes it, so it may be run again and beside others.
 */
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import postgres from "npm:postgres@3.4.9";
import { sign, toHex } from "../_shared/crypto.ts";

const env = (name: string): string => {
  const value = Deno.env.get(name);
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const base = `${env("SUPABASE_URL")}/functions/v1`;
const service = env("SUPABASE_SERVICE_ROLE_KEY");
const anon = env("SUPABASE_ANON_KEY");

interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any -- assertions name what they expect
  json: any;
}

async function call(path: string, init: RequestInit = {}, key?: string): Promise<Answer> {
  const headers = new Headers(init.headers);
  // A caller of its own, so that runs do not use up each other's attempts.
  headers.set("x-forwarded-for", `2001:db8::${id.slice(0, 4)}`);
  if (key) headers.set("authorization", `Bearer ${key}`);
  const response = await fetch(`${base}/${path}`, { redirect: "manual", ...init, headers });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined };
}

function post(path: string, body: unknown, key?: string): Promise<Answer> {
  const init = { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  return call(path, init, key);
}

async function twilio(slug: string, fields: Record<string, string>, token = env("TWILIO_AUTH_TOKEN")): Promise<Answer> {
  const sorted = Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)).flat().join("");
  const signature = btoa(String.fromCharCode(...await sign("SHA-1", token, `${base}/${slug}${sorted}`)));
  const headers = { "x-twilio-signature": signature };
  return call(slug, { method: "POST", body: new URLSearchParams(fields), headers });
}

const sql = postgres(env("SUPABASE_DB_URL"), { max: 1, prepare: false });
const id = crypto.randomUUID();
const digits = String(Math.trunc(Math.random() * 1e7)).padStart(7, "0");
const slug = `journey-${id.slice(0, 8)}`;
const number = `+1999${digits}`;
/** A Twilio id that is this run's own. */
const sid = (prefix: string, n = 0) => `${prefix}${id.replaceAll("-", "").slice(0, 31)}${n}`;
const people = [1, 2, 3].map((n) => ({
  id: crypto.randomUUID(),
  phone: `+199${n}${digits}0`,
  purl: `J${n}-${id.slice(0, 8).toUpperCase()}`,
}));
const [ada, grace, alan] = people;

async function prepare(): Promise<void> {
  await sql.begin(async (sql) => {
    await sql`insert into gift_card_pools (id, brand, denomination_cents) values (${id}, ${slug}, 2500)`;
    await sql`
      insert into campaigns (id, slug, name, status, tracked_number, pool_id)
      values (${id}, ${slug}, 'Journey & Co', 'active', ${number}, ${id})`;
    await sql`
      insert into campaign_conditions (campaign_id, kind, label, threshold) values
        (${id}, 'purl_visited', 'opened the page', 1), (${id}, 'lead_submitted', 'left details', 1),
        (${id}, 'sms_opted_in', 'agreed', 1), (${id}, 'call_seconds', 'talked', 30)`;
    for (const { id: recipient, phone, purl } of people) {
      await sql`
        insert into recipients (id, campaign_id, first_name, last_name, phone)
        values (${recipient}, ${id}, '<Ada>', 'Test', ${phone})`;
      await sql`insert into purls values (${purl}, ${recipient})`;
    }
    // Two cards for three people: the last one must go without.
    for (const n of [1, 2]) {
      await sql`
        insert into gift_cards (pool_id, code, balance_cents, expires_at)
        values (${id}, ${`CARD-${id.slice(0, 8).toUpperCase()}-${n}`}, 2500, now() + interval '1 day')`;
    }
  });
}

async function clear(): Promise<void> {
  await sql.begin(async (sql) => {
    await sql`
      delete from gift_card_redemptions where card_id in (select g.id from gift_cards g where g.pool_id = ${id})`;
    await sql`delete from gift_cards where pool_id = ${id}`;
    await sql`delete from campaigns where id = ${id}`;
    await sql`delete from gift_card_pools where id = ${id}`;
    await sql`delete from webhook_events where event_id like ${`%${sid("", 0).slice(0, 31)}%`}`;
  });
  await sql.end();
}

/** Lets a recipient meet every condition without going the long way. */
async function shortcut(recipient: string, purl: string): Promise<void> {
  await sql`insert into purl_visits (code) values (${purl})`;
  await sql`insert into leads (recipient_id, full_name, email, consent_at) values (${recipient}, 'T', 't@e.org', now())`;
  await sql`insert into opt_ins (recipient_id, status) values (${recipient}, 'opted_in')`;
  await sql`
    insert into calls (call_sid, campaign_id, recipient_id, from_number, status, duration_seconds)
    values (${recipient}, ${id}, ${recipient}, '', 'completed', 30)`;
}

Deno.test("a recipient's way from the mail piece to an empty gift card", async (t) => {
  await prepare();
  try {
    await t.step("the project says that it is healthy", async () => {
      const answer = await call("health");
      equal([answer.status, answer.json], [200, { status: "ok", database: "up" }]);
    });

    await t.step("a personal page greets by name, escaped, and counts the visit", async () => {
      const page = await call(`handle-purl/${ada.purl.toLowerCase()}`);
      equal([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
      match(page.text, /Hello &#60;Ada&#62;!/);
      match(page.text, /Journey &#38; Co/);
      equal((await call("handle-purl/NO-SUCH-PAGE")).status, 404);
    });

    await t.step("a lead form names what is wrong, takes JSON and forms, and forgives being sent twice", async () => {
      const empty = await post("submit-lead-form", {});
      equal(empty.status, 400);
      equal(Object.keys(empty.json.error.fields), ["purl", "full_name", "email", "consent"]);
      equal((await call("submit-lead-form", { method: "POST" })).status, 400);
      equal((await call("submit-lead-form", { method: "POST", body: "{" })).status, 415);
      const lead = {
        purl: ada.purl,
        full_name: "Ada",
        email: "ada@example.com",
        phone: "(555) 011-0001",
        consent: true,
      };
      equal((await post("submit-lead-form", lead)).status, 201);
      equal((await post("submit-lead-form", lead)).json, { saved: true, created: false });
      const form = new URLSearchParams({ ...lead, phone: "", consent: "true" });
      const redirect = await call("submit-lead-form", { method: "POST", body: form });
      equal([redirect.status, redirect.headers.get("location")], [303, `${base}/handle-purl/${ada.purl}`]);
      match((await call(`handle-purl/${ada.purl}`)).text, /Thank you/);
      equal((await post("submit-lead-form", { ...lead, purl: "NO-SUCH-PAGE" })).status, 404);
    });

    await t.step("only staff may ask for consent, and it is asked once", async () => {
      equal((await post("send-sms-opt-in", { recipient: ada.id })).status, 401);
      equal((await post("send-sms-opt-in", { recipient: ada.id }, anon)).status, 403);
      equal((await post("send-sms-opt-in", { recipient: "ada" }, service)).status, 400);
      const asked = await post("send-sms-opt-in", { recipient: ada.id }, service);
      equal([asked.status, asked.json.status], [202, "pending"]);
      equal((await post("send-sms-opt-in", { recipient: ada.id }, service)).json.asked, false);
      const queued = await sql`select status from sms_messages where recipient_id = ${ada.id}`;
      equal(queued.map((row) => row.status), ["queued"]);
    });

    await t.step(
      "an unsigned webhook changes nothing, a signed one counts once, even when it comes again later",
      async () => {
        const reply = (n: number, Body: string, token?: string) =>
          twilio("handle-sms-response", { MessageSid: sid("SM", n), From: ada.phone, To: number, Body }, token);
        equal((await reply(1, "yes", "not the token")).status, 403);
        equal((await call("handle-sms-response", { method: "POST" })).status, 403);
        match((await reply(1, " yes ")).text, /<Message>Thank you!/);
        match((await reply(1, " yes ")).text, /<Response\/>/);
        equal((await reply(2, "Stop")).status, 200);
        equal((await reply(1, " yes ")).status, 200);
        match((await reply(3, "what is this?")).text, /YES to agree or STOP/);
        const statuses = async () => {
          const events = await sql`select status from opt_in_events where recipient_id = ${ada.id} order by id`;
          return events.map((row) => row.status);
        };
        equal(await statuses(), ["pending", "opted_in", "opted_out"]);
        equal((await reply(4, "START")).status, 200);
        equal(await statuses(), ["pending", "opted_in", "opted_out", "opted_in"]);
      },
    );

    await t.step("a card is refused until all conditions are met", async () => {
      equal((await post("provision-gift-card", { recipient: ada.id }, anon)).status, 403);
      const early = await post("provision-gift-card", { recipient: ada.id }, service);
      equal([early.status, early.json.error.code], [409, "conditions_not_met"]);
      match(early.json.error.message, /talked/);
    });

    await t.step("a call that is reported late, twice and out of order counts as it was", async () => {
      const report = (CallStatus: string, CallDuration?: string) =>
        twilio("handle-call-webhook", {
          CallSid: sid("CA"),
          CallStatus,
          From: ada.phone,
          To: number,
          ...(CallDuration && { CallDuration }),
        });
      match((await report("ringing")).text, /<Say>Thank you for calling Journey &amp; Co/);
      equal((await report("completed", "42")).status, 200);
      equal((await report("in-progress")).status, 200);
      equal((await report("completed", "42")).status, 200);
      equal((await report("exploded")).status, 400);
      const calls = await sql`select status, duration_seconds, recipient_id from calls where call_sid = ${sid("CA")}`;
      equal([...calls], [{ status: "completed", duration_seconds: 42, recipient_id: ada.id }]);
      const { json } = await call(`evaluate-conditions?recipient=${ada.id}`, {}, service);
      equal([json.met, json.conditions.length], [true, 4]);
    });

    let code = "";
    await t.step("eight calls at once for three people give two cards, one each", async () => {
      await shortcut(grace.id, grace.purl);
      await shortcut(alan.id, alan.purl);
      const calls = [ada, ada, ada, grace, grace, grace, alan, alan].map(({ id: recipient }) =>
        post("provision-gift-card", { recipient }, service)
      );
      const answers = await Promise.all(calls);
      equal(answers.filter(({ status }) => status === 201).length, 2);
      ok(answers.every(({ status }) => [200, 201, 409].includes(status)));
      ok(answers.filter(({ status }) => status === 409).every(({ json }) => json.error.code === "pool_empty"));
      const codes = answers.filter(({ json }) => json.card).map(({ json }) => `${json.recipient} ${json.card.code}`);
      equal(new Set(codes).size, 2);
      const winner = answers.find(({ status }) => status === 201);
      ok(winner);
      code = winner.json.card.code;
    });

    await t.step("a sale that is sent again is not charged again", async () => {
      const sale = { code, amount_cents: 1000, reference: "sale-1" };
      equal((await post("redeem-gift-card", { ...sale, amount_cents: -1 })).status, 400);
      const sales = await Promise.all([post("redeem-gift-card", sale), post("redeem-gift-card", sale)]);
      equal(sales.map(({ status }) => status).sort(), [200, 201]);
      equal((await post("redeem-gift-card", { ...sale, amount_cents: 900 })).json.error.code, "reference_used");
      const greedy = await post("redeem-gift-card", { ...sale, amount_cents: 1501, reference: "sale-2" });
      equal([greedy.status, greedy.json.error.code], [409, "balance_too_low"]);
      equal((await post("gift-card-balance", { code })).json.balanceCents, 1500);
      equal((await post("gift-card-balance", { code: "NO-SUCH-CARD" })).status, 404);
    });

    await t.step("inventory names the pool that ran empty", async () => {
      const { json } = await call("gift-card-inventory", {}, service);
      const pool = json.pools.find((pool: { brand: string }) => pool.brand === slug);
      equal([pool.available, pool.claimed, pool.level, pool.hoursLeft], [0, 2, "empty", 0]);
    });

    await t.step("a link of ours unsubscribes, but not by being looked at", async () => {
      const signature = toHex(await sign("SHA-256", env("LINK_SECRET"), ada.id));
      const link = `unsubscribe?recipient=${ada.id}&signature=${signature}`;
      equal((await call(link.replace(ada.id, grace.id))).status, 403);
      equal((await call("unsubscribe", { method: "POST" })).status, 400);
      equal((await call(link)).json, { unsubscribed: false });
      equal((await call(link, { method: "POST" })).json, { unsubscribed: true });
      equal((await call(link, { method: "POST" })).json, { unsubscribed: true });
      equal((await call(link)).json, { unsubscribed: true });
      const again = await post("send-sms-opt-in", { recipient: ada.id }, service);
      equal([again.status, again.json.error.code], [409, "opted_out"]);
    });

    await t.step("the campaign's figures add up, also as CSV", async () => {
      const csv = await call(`campaign-stats?campaign=${slug}&format=csv`, {}, service);
      const lines = "step,recipients|mailed,3|visited,3|leads,3|opted_in,2|called,3|rewarded,2|unsubscribed,1|";
      equal([csv.status, csv.text], [200, lines.replaceAll("|", "\n")]);
      equal((await call("campaign-stats?campaign=Nope", {}, service)).status, 400);
      equal((await call("campaign-stats?campaign=nope", {}, service)).status, 404);
    });

    await t.step("browsers are let in where forms live, and other methods are told what to use", async () => {
      const preflight = await call("submit-lead-form", { method: "OPTIONS" });
      equal([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, "*"]);
      const wrong = await call("gift-card-balance");
      equal([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
    });
  } finally {
    await clear();
  }
});
