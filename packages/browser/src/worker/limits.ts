/** Maximum size of a model with the files of its weights. */
export const MAX_MODEL_BYTES = 1_500_000_000;

/** Maximum size of an image file. */
export const MAX_IMAGE_BYTES = 256 * 2 ** 20;
