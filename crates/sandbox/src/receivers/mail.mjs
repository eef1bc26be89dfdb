// A mail server: smtp-server takes mails, mailparser reads them, and the receivers record them and say what is answered.
import { SMTPServer } from "smtp-server";
import { simpleParser } from "mailparser";
import { readFileSync } from "node:fs";

const { port, receivers, certificate, key, user, password } = JSON.parse(process.argv[2]);

const refusal = (code, words) => Object.assign(new Error(words), { responseCode: code });

const whole = async (stream) => {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
};

// What the receivers answer, as SMTP has it; nothing where they do not.
const record = async (session, bytes) => {
  const mail = await simpleParser(bytes);
  const recipients = session.envelope.rcptTo.map((recipient) => recipient.address);
  const body = {
    encrypted: session.secure,
    user: session.user ?? null,
    sender: session.envelope.mailFrom.address,
    recipients,
    headers: mail.headerLines.map((line) => line.key),
    from: mail.from?.text,
    to: mail.to?.text,
    subject: mail.subject,
    messageId: mail.messageId,
    references: mail.references ?? null,
    inReplyTo: mail.inReplyTo ?? null,
    date: mail.date,
    text: mail.text,
  };
  const answer = await fetch(`${receivers}/mail/${recipients[0].split("@")[0]}`, {
    method: "POST",
    headers: { "content-type": "application/json", "message-id": mail.messageId ?? "" },
    body: JSON.stringify(body),
  });
  return [answer.status, await answer.text()];
};

const server = new SMTPServer({
  name: "mail.bed",
  banner: "the bed's mail server",
  cert: readFileSync(certificate),
  key: readFileSync(key),
  authOptional: true,
  authMethods: ["PLAIN", "LOGIN"],
  logger: false,
  onAuth(auth, _session, done) {
    const known = auth.username === user && auth.password === password;
    done(known ? null : refusal(535, "authentication failed"), { user });
  },
  onData(stream, session, done) {
    whole(stream)
      .then((bytes) => record(session, bytes))
      .then(([status, words]) => (status < 300 ? done(null, "queued") : done(refusal(status, words))))
      // The receivers broke off: so does this.
      .catch(() => {
        for (const connection of server.connections) if (connection.id === session.id) connection._socket.destroy();
      });
  },
});
// A client that breaks off is no reason to end.
server.on("error", (error) => console.error(error.message));
server.listen(port, "127.0.0.1");
