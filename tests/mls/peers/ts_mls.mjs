// Another implementation of RFC 9420 (ts-mls) as a member of groups: one JSON line in, one out, all bytes in hex.
// `node ts_mls.mjs FOLDER`: FOLDER is where ts-mls and @hpke/chacha20poly1305 are installed.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const installed = createRequire(`${process.argv[2]}/`);
const mls = await import(pathToFileURL(installed.resolve("ts-mls")).href);
const suite = await mls.getCiphersuiteImpl(
  mls.getCiphersuiteFromName("MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519"),
);
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));
const read = (text) => mls.decodeMlsMessage(bytes(text), 0)[0];
const written = (message) => hex(mls.encodeMlsMessage({ version: "mls10", ...message }));
const unixNow = BigInt(Math.floor(Date.now() / 1000));
const lifetime = { notBefore: unixNow - 3600n, notAfter: unixNow + 86_400n };

let own, state;

const commit = async (extraProposals) => {
  const made = await mls.createCommit(
    { state, cipherSuite: suite },
    { extraProposals, ratchetTreeExtension: true },
  );
  state = made.newState;
  const welcome = made.welcome && written({ wireformat: "mls_welcome", welcome: made.welcome });
  return { commit: hex(mls.encodeMlsMessage(made.commit)), welcome };
};

const deeds = {
  async package({ name }) {
    const credential = { credentialType: "basic", identity: new TextEncoder().encode(name) };
    own = await mls.generateKeyPackage(credential, mls.defaultCapabilities(), lifetime, [], suite);
    return { package: written({ wireformat: "mls_key_package", keyPackage: own.publicPackage }) };
  },
  async found({ group }) {
    state = await mls.createGroup(bytes(group), own.publicPackage, own.privatePackage, [], suite);
    return {};
  },
  async join({ welcome }) {
    const invited = read(welcome).welcome;
    state = await mls.joinGroup(invited, own.publicPackage, own.privatePackage, mls.emptyPskIndex, suite);
    return {};
  },
  add: ({ packages }) =>
    commit(packages.map((one) => ({ proposalType: "add", add: { keyPackage: read(one).keyPackage } }))),
  remove: ({ index }) => commit([{ proposalType: "remove", remove: { removed: index } }]),
  renew: () => commit([]),
  async say({ text }) {
    const made = await mls.createApplicationMessage(state, bytes(text), suite);
    state = made.newState;
    return { message: written({ wireformat: "mls_private_message", privateMessage: made.privateMessage }) };
  },
  async take({ message }) {
    const came = await mls.processMessage(read(message), state, mls.emptyPskIndex, mls.acceptAll, suite);
    state = came.newState;
    return { text: came.kind === "applicationMessage" ? hex(came.message) : null };
  },
  async forget() {
    state = undefined;
    return {};
  },
  async stand() {
    const { groupContext, keySchedule } = state;
    return { epoch: Number(groupContext.epoch), authenticator: hex(keySchedule.epochAuthenticator) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    console.log(JSON.stringify(await deeds[asked.do](asked)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error) }));
  }
}
