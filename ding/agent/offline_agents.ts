import type { ArgumentsOf } from './arguments.js'
import { OfflineAgent } from './offline_agent.js'
import {
  BC_TABLE,
  BCQ_TABLE,
  CQL_TABLE,
  DISCRETE_CQL_TABLE,
  EDAC_TABLE,
  IQL_TABLE,
  TD3_BC_TABLE,
} from './tables/index.js'

/** Arguments of the agent classes that learn from a dataset. */
export type DiscreteCQLArguments = ArgumentsOf<typeof DISCRETE_CQL_TABLE>
export type CQLArguments = ArgumentsOf<typeof CQL_TABLE>
export type BCQArguments = ArgumentsOf<typeof BCQ_TABLE>
export type TD3BCArguments = ArgumentsOf<typeof TD3_BC_TABLE>
export type IQLArguments = ArgumentsOf<typeof IQL_TABLE>
export type EDACArguments = ArgumentsOf<typeof EDAC_TABLE>
export type BCArguments = ArgumentsOf<typeof BC_TABLE>

/** DI-engine's discrete CQL. */
export class DiscreteCQL extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = DISCRETE_CQL_TABLE

  constructor(args: DiscreteCQLArguments) {
    super(DISCRETE_CQL_TABLE, args)
  }

  static async load(path: string, overrides: DiscreteCQLArguments = {}): Promise<DiscreteCQL> {
    return OfflineAgent.loadAs(DiscreteCQL, 'DiscreteCQL', path, overrides)
  }
}

/** CORL's CQL. */
export class CQL extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = CQL_TABLE

  constructor(args: CQLArguments) {
    super(CQL_TABLE, args)
  }

  static async load(path: string, overrides: CQLArguments = {}): Promise<CQL> {
    return OfflineAgent.loadAs(CQL, 'CQL', path, overrides)
  }
}

/** DI-engine's BCQ. */
export class BCQ extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = BCQ_TABLE

  constructor(args: BCQArguments) {
    super(BCQ_TABLE, args)
  }

  static async load(path: string, overrides: BCQArguments = {}): Promise<BCQ> {
    return OfflineAgent.loadAs(BCQ, 'BCQ', path, overrides)
  }
}

/** CORL's TD3+BC. */
export class TD3BC extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = TD3_BC_TABLE

  constructor(args: TD3BCArguments) {
    super(TD3_BC_TABLE, args)
  }

  static async load(path: string, overrides: TD3BCArguments = {}): Promise<TD3BC> {
    return OfflineAgent.loadAs(TD3BC, 'TD3BC', path, overrides)
  }
}

/** CORL's IQL. */
export class IQL extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = IQL_TABLE

  constructor(args: IQLArguments) {
    super(IQL_TABLE, args)
  }

  static async load(path: string, overrides: IQLArguments = {}): Promise<IQL> {
    return OfflineAgent.loadAs(IQL, 'IQL', path, overrides)
  }
}

/** CORL's EDAC. */
export class EDAC extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = EDAC_TABLE

  constructor(args: EDACArguments) {
    super(EDAC_TABLE, args)
  }

  static async load(path: string, overrides: EDACArguments = {}): Promise<EDAC> {
    return OfflineAgent.loadAs(EDAC, 'EDAC', path, overrides)
  }
}

/** Behaviour cloning. */
export class BC extends OfflineAgent {
  /** Its arguments, for {@link extendAgentTable}. */
  static readonly table = BC_TABLE

  constructor(args: BCArguments) {
    super(BC_TABLE, args)
  }

  static async load(path: string, overrides: BCArguments = {}): Promise<BC> {
    return OfflineAgent.loadAs(BC, 'BC', path, overrides)
  }
}
