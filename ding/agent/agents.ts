import type { ArgumentsOf } from './arguments.js'
import { OnlineAgent } from './online_agent.js'
import {
  CQN_TABLE,
  CROSSQ_TABLE,
  DDPG_TABLE,
  DQN_TABLE,
  QRDQN_TABLE,
  REDQ_TABLE,
  SAC_TABLE,
  TD3_TABLE,
} from './tables/index.js'

/** Arguments of the agent classes that collect. */
export type CrossQArguments = ArgumentsOf<typeof CROSSQ_TABLE>
export type SACArguments = ArgumentsOf<typeof SAC_TABLE>
export type TD3Arguments = ArgumentsOf<typeof TD3_TABLE>
export type DDPGArguments = ArgumentsOf<typeof DDPG_TABLE>
export type REDQArguments = ArgumentsOf<typeof REDQ_TABLE>
export type DQNArguments = ArgumentsOf<typeof DQN_TABLE>
export type QRDQNArguments = ArgumentsOf<typeof QRDQN_TABLE>
export type CQNArguments = ArgumentsOf<typeof CQN_TABLE>

/** SB3-contrib's CrossQ. */
export class CrossQ extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = CROSSQ_TABLE

  constructor(args: CrossQArguments) {
    super(CROSSQ_TABLE, args)
  }

  static async load(path: string, overrides: CrossQArguments = {}): Promise<CrossQ> {
    return OnlineAgent.loadAs(CrossQ, 'CrossQ', path, overrides)
  }
}

/** SB3's SAC. */
export class SAC extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = SAC_TABLE

  constructor(args: SACArguments) {
    super(SAC_TABLE, args)
  }

  static async load(path: string, overrides: SACArguments = {}): Promise<SAC> {
    return OnlineAgent.loadAs(SAC, 'SAC', path, overrides)
  }
}

/** SB3's TD3. */
export class TD3 extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = TD3_TABLE

  constructor(args: TD3Arguments) {
    super(TD3_TABLE, args)
  }

  static async load(path: string, overrides: TD3Arguments = {}): Promise<TD3> {
    return OnlineAgent.loadAs(TD3, 'TD3', path, overrides)
  }
}

/** SB3's DDPG. */
export class DDPG extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = DDPG_TABLE

  constructor(args: DDPGArguments) {
    super(DDPG_TABLE, args)
  }

  static async load(path: string, overrides: DDPGArguments = {}): Promise<DDPG> {
    return OnlineAgent.loadAs(DDPG, 'DDPG', path, overrides)
  }
}

/** Tianshou's REDQ, with SB3's surface. */
export class REDQ extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = REDQ_TABLE

  constructor(args: REDQArguments) {
    super(REDQ_TABLE, args)
  }

  static async load(path: string, overrides: REDQArguments = {}): Promise<REDQ> {
    return OnlineAgent.loadAs(REDQ, 'REDQ', path, overrides)
  }
}

/** SB3's DQN. */
export class DQN extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = DQN_TABLE

  constructor(args: DQNArguments) {
    super(DQN_TABLE, args)
  }

  static async load(path: string, overrides: DQNArguments = {}): Promise<DQN> {
    return OnlineAgent.loadAs(DQN, 'DQN', path, overrides)
  }
}

/** SB3-contrib's QR-DQN. */
export class QRDQN extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = QRDQN_TABLE

  constructor(args: QRDQNArguments) {
    super(QRDQN_TABLE, args)
  }

  static async load(path: string, overrides: QRDQNArguments = {}): Promise<QRDQN> {
    return OnlineAgent.loadAs(QRDQN, 'QRDQN', path, overrides)
  }
}

/** CQN with SB3's surface: what `new CQN({ env, ... })` makes. */
export class OnlineCQN extends OnlineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = CQN_TABLE

  constructor(args: CQNArguments) {
    super(CQN_TABLE, args)
  }

  static async load(path: string, overrides: CQNArguments = {}): Promise<OnlineCQN> {
    return OnlineAgent.loadAs(OnlineCQN, 'CQN', path, overrides)
  }
}
