import type { SchemaDefinition } from '../config/index.js'
import type { ConvEncoderOptions } from '../nn/index.js'
import { UsageError } from '../utils/index.js'

/** Keys of models with a ConvEncoder, to be spread into their schemas; {@link imageEncoderOptions} reads them. */
export const imageEncoderKeys = {
  encoder_kernel_size_list: {
    doc: "For images: size of each convolution's kernel. null: 8, 4, 3.",
    format: 'positive_int_list',
    default: null,
    nullable: true,
  },
  encoder_stride_list: {
    doc: 'For images: stride of each convolution. null: 4, 2, 1, or 1 for each entry of encoder_kernel_size_list.',
    format: 'positive_int_list',
    default: null,
    nullable: true,
  },
  encoder_activate_output: {
    doc: "For images: the activation behind the encoder's output too, as in the DQN paper; DI-engine has none there.",
    format: 'boolean',
    default: false,
  },
} as const satisfies SchemaDefinition

export interface ImageEncoderConfig {
  readonly encoder_kernel_size_list: readonly number[] | null
  readonly encoder_stride_list: readonly number[] | null
  readonly encoder_activate_output: boolean
}

/** What the keys say to a ConvEncoder. @throws UsageError when there are more or fewer strides than kernels. */
export function imageEncoderOptions(cfg: ImageEncoderConfig): ConvEncoderOptions {
  const { encoder_kernel_size_list: kernels, encoder_stride_list: strides } = cfg
  const count = kernels?.length ?? 3
  if (strides !== null && strides.length !== count) {
    throw new UsageError(
      `encoder_stride_list [${strides}] has ${strides.length} entries, but there are ${count} convolutions ` +
        `(encoder_kernel_size_list ${kernels === null ? 'is left out: 8, 4, 3' : `[${kernels}]`}). Give one stride each.`,
    )
  }
  return {
    kernel_size: kernels ?? undefined,
    stride: strides ?? kernels?.map(() => 1),
    activate_output: cfg.encoder_activate_output,
  }
}
