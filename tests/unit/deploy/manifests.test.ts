import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { compile_config, DIST_ROLES, natsSchema, read_config, runNames } from '../../../entry/index.js'
import { NO_NATS_SERVER, natsTitle } from '../parallel/nats_server.js'

const folder = fileURLToPath(new URL('../../../deploy/', import.meta.url))
const text = (name: string): string => readFileSync(`${folder}${name}`, 'utf8')

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Record_ = { [key: string]: Json }

/** The value at a path of keys and indices. @throws when there is none */
function at(value: Json, ...path: (string | number)[]): Json {
  let here = value
  for (const key of path) {
    const inner = (here as never)?.[key] as Json | undefined
    if (inner === undefined) throw new Error(`nothing at ${path.join('.')} of ${JSON.stringify(value)}`)
    here = inner
  }
  return here
}

const list = (value: Json | undefined): Record_[] => (value ?? []) as Record_[]

/** All documents of a YAML file; aliases resolved, errors and duplicate keys refused. */
function documents(name: string): Record_[] {
  return parseAllDocuments(text(name), { strict: true, uniqueKeys: true, merge: true }).map((document) => {
    expect(document.errors, name).toEqual([])
    expect(document.warnings, name).toEqual([])
    return document.toJS() as Record_
  })
}

/** Names on the server of the run that deploy/run.yaml describes. */
async function runOfConfig(): Promise<{
  names: ReturnType<typeof runNames>
  exchange: Record<string, unknown>
}> {
  const file = await read_config(`${folder}run.yaml`)
  const config = await compile_config(file.main_config, file.create_config, {
    save: false,
    renew_dir: false,
    env: {},
  })
  const exchange = config.main_config.policy.other['exchange'] as Record<string, unknown>
  return { names: runNames(String(exchange['prefix']), config.main_config.exp_name), exchange }
}

/** Environment variables that ding's exchange knows. */
const VARIABLES = new Set(
  [...natsSchema.root.children.values()].flatMap((node) =>
    node.kind === 'leaf'
      ? [node.env]
      : [...node.children.values()].map((leaf) => (leaf.kind === 'leaf' ? leaf.env : '')),
  ),
)

function checkCommand(args: Json): string {
  const words = args as string[]
  expect(words.slice(0, 3)).toEqual(['-m', 'dist', '--role'])
  expect(DIST_ROLES).toContain(words[3])
  expect(words.slice(4, 6)).toEqual(['-c', '/etc/ding/run.yaml'])
  const rest = words.slice(6)
  expect(words[3] === 'learner' ? ['--env-step', '200000'] : []).toEqual(rest)
  return String(words[3])
}

it('the config of the run compiles, over NATS', async () => {
  const { exchange, names } = await runOfConfig()
  expect(exchange).toMatchObject({ type: 'nats', storage: 'file' })
  expect(names.run).toBe('pendulum_sac')
})

it('nothing names a registry host, and only images that are known', () => {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!/\.|Dockerfile/.test(name) || name === 'kubernetes') continue
    const lines = text(name)
    expect(lines).not.toMatch(/\b(docker\.io|ghcr\.io|quay\.io|gcr\.io|registry\.[a-z]+)\b/)
    for (const [, image] of lines.matchAll(/^\s*(?:image:|FROM)\s+(\S+)/gm))
      expect(['nats:2', 'ding', 'ding:latest', 'node:22-slim']).toContain(image)
  }
})

it('the Dockerfile installs by npm ci alone, and what it copies and runs is there', () => {
  const file = text('Dockerfile')
  for (const [, command] of file.matchAll(/^RUN (.*)$/gm))
    expect(command).toMatch(/^(npm ci .*|node scripts\/build\.mjs|mkdir \/runs && chown node:node \/runs)$/)
  const root = `${folder}../`
  for (const path of ['package.json', 'package-lock.json', 'scripts/build.mjs'])
    expect(existsSync(`${root}${path}`)).toBe(true)
  expect(file).toMatch(/^USER node$/m)
  const bin = (JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { bin: { ding: string } }).bin.ding
  expect(file).toContain(`ENTRYPOINT ["node", "/app/${bin.replace('./', '')}"]`)
})

describe('compose.yaml', () => {
  const [compose] = documents('compose.yaml') as [Record_]
  const services = at(compose, 'services') as { [name: string]: Record_ }

  it('has the server and every role, with commands that ding takes', () => {
    expect(Object.keys(services).sort()).toEqual(['collector', 'evaluator', 'learner', 'nats'])
    for (const [name, service] of Object.entries(services))
      if (name !== 'nats') expect(checkCommand(at(service, 'command'))).toBe(name)
  })

  it('refers to volumes, networks, services, files and variables that are there', () => {
    const example = text('.env.example')
    for (const service of Object.values(services)) {
      for (const network of list(service['networks']))
        expect(at(compose, 'networks')).toHaveProperty(String(network))
      for (const other of list(service['depends_on'])) expect(services).toHaveProperty(String(other))
      for (const volume of list(service['volumes'])) {
        const source = String(volume).split(':')[0]!
        if (source.startsWith('./')) expect(existsSync(`${folder}${source}`), source).toBe(true)
        else expect(at(compose, 'volumes')).toHaveProperty(source)
      }
      for (const [name, value] of Object.entries((service['environment'] ?? {}) as Record<string, string>)) {
        const wanted = /^\$\{(\w+):\?/.exec(value)?.[1]
        if (wanted !== undefined) expect(example).toMatch(new RegExp(`^${wanted}=`, 'm'))
        if (name.startsWith('DING_NATS')) expect(VARIABLES).toContain(name)
      }
    }
    expect(at(services, 'learner', 'environment', 'DING_NATS_URL')).toBe('nats://nats:4222')
    expect(at(services, 'collector', 'environment')).toMatchObject({ DING_NATS_USER: 'collector' })
    expect(at(services, 'collector', 'environment', 'DING_NATS_PASSWORD')).toContain('COLLECTOR')
  })

  it('keeps the runs of the learner, and starts it again only when it failed', () => {
    expect(at(services, 'learner', 'volumes')).toContain('runs:/runs')
    expect(at(services, 'learner', 'restart')).toBe('on-failure')
    expect(services['collector']!['volumes']).not.toContain('runs:/runs')
  })
})

describe('kubernetes', () => {
  const [kustomization] = documents('kustomization.yaml') as [Record_]
  const objects = (at(kustomization, 'resources') as string[]).flatMap((name) => documents(name))
  const byKind = (kind: string): Record_[] => objects.filter((object) => object['kind'] === kind)
  const nameOf = (object: Record_): string => String(at(object, 'metadata', 'name'))
  const workloads = ['Deployment', 'StatefulSet', 'Job'].flatMap(byKind)

  /** Fields without which the API server refuses an object of a kind. */
  const REQUIRED: Record<string, { api: string; paths: string[][] }> = {
    Service: {
      api: 'v1',
      paths: [
        ['spec', 'selector'],
        ['spec', 'ports'],
      ],
    },
    StatefulSet: {
      api: 'apps/v1',
      paths: [
        ['spec', 'serviceName'],
        ['spec', 'selector'],
        ['spec', 'template'],
      ],
    },
    Deployment: {
      api: 'apps/v1',
      paths: [
        ['spec', 'selector'],
        ['spec', 'template'],
      ],
    },
    Job: { api: 'batch/v1', paths: [['spec', 'template']] },
    PersistentVolumeClaim: {
      api: 'v1',
      paths: [
        ['spec', 'accessModes'],
        ['spec', 'resources', 'requests', 'storage'],
      ],
    },
    NetworkPolicy: { api: 'networking.k8s.io/v1', paths: [['spec', 'podSelector']] },
    ScaledObject: {
      api: 'keda.sh/v1alpha1',
      paths: [
        ['spec', 'scaleTargetRef', 'name'],
        ['spec', 'triggers'],
      ],
    },
  }

  it('objects are of known kinds, complete, with names that are valid and not there twice', () => {
    const files = readdirSync(`${folder}kubernetes`).map((name) => `kubernetes/${name}`)
    expect([...(at(kustomization, 'resources') as string[])].sort()).toEqual(files.sort())
    const seen = new Set<string>()
    for (const object of objects) {
      const kind = String(object['kind'])
      const { api, paths } = REQUIRED[kind]!
      expect(object['apiVersion']).toBe(api)
      for (const path of paths) at(object, ...path)
      expect(nameOf(object)).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/)
      expect(seen).not.toContain(`${kind}/${nameOf(object)}`)
      seen.add(`${kind}/${nameOf(object)}`)
      for (const value of Object.values(
        (object['metadata'] as { labels?: Record<string, Json> }).labels ?? {},
      ))
        expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/)
    }
  })

  it('selectors find the pods that they are for', () => {
    for (const workload of [...byKind('Deployment'), ...byKind('StatefulSet')]) {
      const wanted = at(workload, 'spec', 'selector', 'matchLabels') as Record<string, string>
      expect(at(workload, 'spec', 'template', 'metadata', 'labels')).toMatchObject(wanted)
    }
    const [service] = byKind('Service') as [Record_]
    const [server] = byKind('StatefulSet') as [Record_]
    expect(at(server, 'spec', 'template', 'metadata', 'labels')).toMatchObject(
      at(service, 'spec', 'selector') as Record_,
    )
    expect(at(server, 'spec', 'serviceName')).toBe(nameOf(service))
    const ports = list(at(server, 'spec', 'template', 'spec', 'containers', 0, 'ports'))
    for (const port of list(at(service, 'spec', 'ports'))) {
      const target = ports.find(({ name }) => name === port['targetPort'])
      expect(target?.['containerPort']).toBe(port['port'])
    }
    const [policy] = byKind('NetworkPolicy') as [Record_]
    expect(at(policy, 'spec', 'podSelector', 'matchLabels')).toEqual({ app: 'nats' })
    for (const workload of [...byKind('Deployment'), ...byKind('Job')])
      expect(at(workload, 'spec', 'template', 'metadata', 'labels')).toMatchObject({ run: 'ding' })
  })

  it('mounts, config maps, secrets and claims are there, and files that are mounted are those that are read', () => {
    const maps = new Map(
      list(at(kustomization, 'configMapGenerator')).map(({ name, files }) => [
        String(name),
        files as string[],
      ]),
    )
    const secrets: Record<string, string[]> = {
      'ding-nats': ['trainer', 'collector'],
      'ding-nats-tls': ['ca.crt', 'tls.crt', 'tls.key'],
    }
    for (const [name, keys] of Object.entries(secrets)) {
      const command = text('kustomization.yaml')
        .split('\n')
        .find((line) => line.includes(`generic ${name} `))
      for (const key of keys) expect(command).toContain(key)
    }
    const claims = byKind('PersistentVolumeClaim').map(nameOf)
    for (const files of maps.values())
      for (const file of files) expect(existsSync(`${folder}${file}`)).toBe(true)
    for (const workload of workloads) {
      const pod = at(workload, 'spec', 'template', 'spec')
      const templates = list((workload['spec'] as Record_)['volumeClaimTemplates'])
      const volumes = [
        ...list((pod as Record_)['volumes']).map((v) => String(v['name'])),
        ...templates.map(nameOf),
      ]
      for (const volume of list((pod as Record_)['volumes'])) {
        const { configMap, secret, persistentVolumeClaim } = volume as { [key: string]: Record_ | undefined }
        if (configMap !== undefined) expect([...maps.keys()]).toContain(configMap['name'])
        if (secret !== undefined) {
          const keys = secrets[String(secret['secretName'])]
          for (const { key } of list(secret['items'])) expect(keys).toContain(key)
        }
        if (persistentVolumeClaim !== undefined) expect(claims).toContain(persistentVolumeClaim['claimName'])
      }
      for (const container of list(at(pod, 'containers'))) {
        expect(container['resources']).toHaveProperty('requests')
        for (const mount of list(container['volumeMounts'])) expect(volumes).toContain(mount['name'])
        for (const variable of list(container['env'])) {
          const name = String(variable['name'])
          const from = (variable['valueFrom'] as Record_ | undefined)?.['secretKeyRef'] as Record_ | undefined
          if (from !== undefined) expect(secrets[String(from['name'])]).toContain(from['key'])
          if (name.startsWith('DING_NATS')) expect(VARIABLES).toContain(name)
        }
      }
    }
  })

  it('roles are given commands that ding takes, the right user, and TLS', () => {
    const roles = [...byKind('Deployment'), ...byKind('Job')]
    expect(roles.map(nameOf).sort()).toEqual(['ding-collector', 'ding-evaluator', 'ding-learner'])
    for (const workload of roles) {
      const container = at(workload, 'spec', 'template', 'spec', 'containers', 0) as Record_
      const role = checkCommand(at(container, 'args'))
      expect(nameOf(workload)).toBe(`ding-${role}`)
      const env = Object.fromEntries(list(container['env']).map((one) => [String(one['name']), one]))
      const user = role === 'collector' ? 'collector' : 'trainer'
      expect(at(env as Record_, 'DING_NATS_USER', 'value')).toBe(user)
      expect(at(env as Record_, 'DING_NATS_PASSWORD', 'valueFrom', 'secretKeyRef', 'key')).toBe(user)
      expect(at(env as Record_, 'DING_NATS_URL', 'value')).toBe('tls://nats:4222')
      expect(env).not.toHaveProperty('DING_NATS_ALLOW_INSECURE')
      const mounts = list(container['volumeMounts']).map((mount) => mount['mountPath'])
      expect(mounts.includes('/runs')).toBe(role === 'learner')
    }
    const [learner] = byKind('Job') as [Record_]
    expect(at(learner, 'spec')).toMatchObject({
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: 'Failed',
    })
  })

  it('collectors are scaled by the lag of the consumer that the learner makes, more while it is short', async () => {
    const [scaled] = byKind('ScaledObject') as [Record_]
    expect(byKind('Deployment').map(nameOf)).toContain(at(scaled, 'spec', 'scaleTargetRef', 'name'))
    const [trigger] = list(at(scaled, 'spec', 'triggers')) as [Record_]
    const { names } = await runOfConfig()
    expect(trigger).toMatchObject({
      type: 'nats-jetstream',
      metadata: { stream: names.queue, consumer: names.consumer, account: 'DING' },
    })
    const [service] = byKind('Service') as [Record_]
    expect(at(trigger, 'metadata', 'natsServerMonitoringEndpoint')).toBe(
      `${nameOf(service)}.${String(kustomization['namespace'])}.svc.cluster.local:8222`,
    )
    const { formula, target, metricType } = at(scaled, 'spec', 'advanced', 'scalingModifiers') as Record<
      string,
      string
    >
    expect([target, metricType, trigger['name']]).toEqual(['1', 'Value', 'lag'])
    const numbers = /^lag < (\d+) \? ([\d.]+) : \(lag > (\d+) \? ([\d.]+) : 1\)$/.exec(formula!)
    const [short, more, long, less] = (numbers ?? []).slice(1).map(Number)
    expect(short).toBeLessThan(long!)
    expect(more).toBeGreaterThan(1)
    expect(less).toBeLessThan(1)
  })
})

it.skipIf(NO_NATS_SERVER !== '')(natsTitle('the server takes its config'), () => {
  const env = { ...process.env, DING_TRAINER_PASSWORD: 'one', DING_COLLECTOR_PASSWORD: 'two' }
  const checked = spawnSync('nats-server', ['-t', '-c', `${folder}nats.conf`], { env, encoding: 'utf8' })
  expect(checked.stderr + checked.stdout).toContain('is valid')
  const missing = spawnSync('nats-server', ['-t', '-c', `${folder}nats.conf`], {
    encoding: 'utf8',
    env: process.env,
  })
  expect(missing.status).not.toBe(0)
})
