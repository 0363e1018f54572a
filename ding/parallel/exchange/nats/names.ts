import { ConfigError } from '../../../utils/index.js'

/** What the parts of one run are called on the server. */
export interface RunNames {
  readonly run: string
  /** Work queue of chunks. */
  readonly queue: string
  readonly queueSubject: string
  /** Chunks that can never be used, with their reasons. */
  readonly aside: string
  readonly asideSubject: string
  /** The name under which learners share the queue; KEDA's scaler asks for its lag. */
  readonly consumer: string
  /** Key-value bucket of parameters. */
  readonly parameters: string
  /** Says that there are newer parameters. */
  readonly parametersSubject: string
  /** Object bucket of checkpoints. */
  readonly store: string
  readonly announce: (topic: string) => string
  readonly request: (topic: string) => string
}

/**
 * Names of a run. Streams and buckets take letters, digits, `-` and `_`; whatever else an experiment's name has becomes `_`.
 * @throws ConfigError for a name with nothing in it
 */
export function runNames(prefix: string, run: string): RunNames {
  const [clean, base] = [nameOf(run, 'run'), nameOf(prefix, 'prefix')]
  const stream = `${base}-${clean}`
  const subject = `${base}.${clean}`
  return {
    run: clean,
    queue: `${stream}-queue`,
    queueSubject: `${subject}.queue`,
    aside: `${stream}-aside`,
    asideSubject: `${subject}.aside`,
    consumer: 'learner',
    parameters: `${stream}-parameters`,
    parametersSubject: `${subject}.parameters`,
    store: `${stream}-store`,
    announce: (topic) => `${subject}.say.${token(topic)}`,
    request: (topic) => `${subject}.ask.${token(topic)}`,
  }
}

function nameOf(text: string, key: string): string {
  const clean = text.replace(/[^A-Za-z0-9_-]/g, '_')
  if (/[A-Za-z0-9]/.test(clean)) return clean
  throw new ConfigError(
    `exchange.${key}: "${text}" has no letter or digit, so nothing on the server can be called by it. Give a name.`,
    { path: key },
  )
}

/** A topic as one token of a subject: everything that has a meaning in subjects is escaped. */
function token(topic: string): string {
  return encodeURIComponent(topic).replace(
    /[.*!~'()]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
