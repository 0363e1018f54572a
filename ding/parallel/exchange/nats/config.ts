import { type ConfigOf, schema } from '../../../config/index.js'

/** The keys of `policy.other.exchange` for the type `nats`. */
export const natsSchema = schema({
  servers: {
    doc: 'Addresses of the NATS server, or of several of a cluster: nats://host:4222, tls://host:4222. No user names in them.',
    format: 'string_list',
    default: ['nats://127.0.0.1:4222'],
    env: 'DING_NATS_URL',
  },
  run: {
    doc: 'Name of the run on the server, the same for every role. Empty: the name of the experiment folder.',
    format: 'string',
    default: '',
    env: 'DING_NATS_RUN',
  },
  prefix: {
    doc: 'What the names of all streams, buckets and subjects of ding begin with.',
    format: 'string',
    default: 'ding',
    env: 'DING_NATS_PREFIX',
  },
  user: { doc: 'User name, with password.', format: 'string', default: '', env: 'DING_NATS_USER' },
  password: {
    doc: 'Password of the user.',
    format: 'string',
    default: '',
    env: 'DING_NATS_PASSWORD',
    secret: true,
  },
  token: {
    doc: 'Token, instead of a user.',
    format: 'string',
    default: '',
    env: 'DING_NATS_TOKEN',
    secret: true,
  },
  nkey: {
    doc: 'Seed of an nkey (begins with SU), instead of a user.',
    format: 'string',
    default: '',
    env: 'DING_NATS_NKEY',
    secret: true,
  },
  creds_file: {
    doc: 'File with a JWT and its seed, as nsc writes it, instead of a user.',
    format: 'path',
    default: '',
    env: 'DING_NATS_CREDS',
  },
  tls: {
    ca_file: {
      doc: 'Certificate authority of the server, where the machine does not trust it already. Turns TLS on.',
      format: 'path',
      default: '',
      env: 'DING_NATS_CA',
    },
    cert_file: {
      doc: 'Certificate of this client, where the server asks for one. Turns TLS on.',
      format: 'path',
      default: '',
      env: 'DING_NATS_CERT',
    },
    key_file: {
      doc: 'Key of the certificate of this client.',
      format: 'path',
      default: '',
      env: 'DING_NATS_KEY',
    },
    handshake_first: {
      doc: 'Begin with the TLS handshake, for servers that are set so.',
      format: 'boolean',
      default: false,
    },
  },
  allow_insecure: {
    doc: 'Send parameters and experience in the clear to a machine other than this one, as in a private network that is trusted.',
    format: 'boolean',
    default: false,
    env: 'DING_NATS_ALLOW_INSECURE',
  },
  storage: {
    doc: 'Where the server keeps queue, parameters and checkpoints. With memory they end with the server, accepted chunks too.',
    format: ['file', 'memory'],
    default: 'file',
  },
  num_replicas: {
    doc: 'Servers of the cluster that hold each message. Three survive the loss of one.',
    format: [1, 3, 5],
    default: 1,
  },
  queue_chunks: {
    doc: 'Chunks that the queue holds until the learner has acknowledged them. When it is full, collectors wait: this is how far they run ahead of the learner, so the larger it is, the older the policy that acted. Many collectors of large chunks need more.',
    format: 'positive_int',
    default: 16,
  },
  queue_bytes: {
    doc: 'Bytes of experience that the queue holds. When it is full, collectors wait.',
    format: 'positive_int',
    default: 256 * 1024 * 1024,
  },
  prefetch: {
    doc: 'Chunks that the learner holds besides the one it works on.',
    format: 'positive_int',
    default: 8,
  },
  ack_wait_s: {
    doc: 'Seconds after which a chunk goes to another learner when its learner is silent. A learner that lives extends it by itself.',
    format: 'positive_number',
    default: 30,
  },
  duplicate_window_s: {
    doc: 'Seconds for which the server knows a chunk that is sent twice by its id. The learner knows them for the whole run.',
    format: 'positive_number',
    default: 600,
  },
  connect_timeout_s: {
    doc: 'Seconds for which a role that starts looks for its server. Later losses are waited out, however long.',
    format: 'positive_number',
    default: 30,
  },
  request_timeout_s: {
    doc: 'Seconds for an answer of the server before the question is put again.',
    format: 'positive_number',
    default: 5,
  },
})

export type NatsConfig = ConfigOf<typeof natsSchema>
