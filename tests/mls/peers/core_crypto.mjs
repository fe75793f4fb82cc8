// CoreCrypto (Wire's, on a fork of OpenMLS) as a member of groups, with the requests of ts_mls.mjs.
// `node core_crypto.mjs FOLDER`: FOLDER is where @wireapp/core-crypto and @ubjs/node are installed.
// It has no epoch authenticator to compare, so `stand` exports a secret: label "exporter", no context, 32 bytes.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const from = `${process.argv[2]}/node_modules/@wireapp/core-crypto/dist/native/corecrypto.js`;
const cc = await import(pathToFileURL(from).href);
const suite = cc.CipherSuite.Mls128Dhkemx25519Chacha20poly1305Sha256Ed25519;
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const bytes = (text) => new Uint8Array(Buffer.from(text, "hex"));
const core = cc.CoreCrypto.new(await cc.Database.inMemory());

// It serialises a key package without the header of its MLSMessage.
const HEADER = "00010005";

let sent, credential, conversation;
const transport = {
  async sendCommitBundle(bundle) {
    sent = bundle;
  },
  async prepareForTransport() {
    return new Uint8Array();
  },
};

// Identities look like `user:device@domain`.
const client = (name) => {
  const [user, device, domain] = name.split(/[:@]/);
  return new cc.ClientId(new cc.Uuid(user), cc.DeviceId.fromHexString(device), domain);
};

const commit = async (work) => {
  await core.transaction(work);
  return { commit: hex(sent.commit), welcome: sent.welcome && hex(sent.welcome.serialize()) };
};

const deeds = {
  async package({ name }) {
    return core.transaction(async (context) => {
      if (!credential) {
        await context.mlsInit(client(name), transport);
        credential = await context.addCredential(cc.Credential.basic(suite, client(name)));
      }
      return { package: HEADER + hex((await context.generateKeyPackage(credential)).serialize()) };
    });
  },
  async found({ group }) {
    conversation = new cc.ConversationId(bytes(group));
    await core.transaction((context) => context.createConversation(conversation, credential));
    return {};
  },
  async join({ welcome }) {
    await core.transaction(async (context) => {
      const joined = await context.processWelcomeMessage(new cc.Welcome(bytes(welcome)));
      conversation = joined.id ?? joined;
    });
    return {};
  },
  add: ({ packages }) =>
    commit((context) =>
      context.addClientsToConversation(conversation, packages.map((one) => new cc.KeyPackage(bytes(one.slice(HEADER.length))))),
    ),
  remove: ({ name }) => commit((context) => context.removeClientsFromConversation(conversation, [client(name)])),
  renew: () => commit((context) => context.updateKeyingMaterial(conversation)),
  async say({ text }) {
    return core.transaction(async (context) => ({ message: hex(await context.encryptMessage(conversation, bytes(text))) }));
  },
  async take({ message }) {
    const came = await core.transaction((context) => context.decryptMessage(conversation, bytes(message)));
    return { text: came.tag === "Text" ? hex(came.inner.plaintext) : null };
  },
  async forget() {
    await core.transaction((context) => context.wipeConversation(conversation));
    return {};
  },
  async stand() {
    return core.transaction(async (context) => ({
      epoch: Number(await context.conversationEpoch(conversation)),
      secret: hex((await context.exportSecretKey(conversation, 32)).copyBytes()),
    }));
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  try {
    console.log(JSON.stringify(await deeds[asked.do](asked)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error?.stack ?? error), inner: JSON.stringify(error?.inner ?? null) }));
  }
}
