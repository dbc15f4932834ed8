const declared = new WeakSet<object>();

/**
 * Declares that a method or a score holds no array of its evidence after its functions have returned, and returns none of them (nor a view into
 * one). The engine then frees the memory of the forward pass as soon as the explanation is done, and such an array loses its values. Without the
 * declaration the garbage collector frees the memory later, which is always safe, but slower over many images.
 *
 * The declaration belongs to this object. A copy (`{ ...gradCam, map }`) does not have it.
 * @returns the same object.
 */
export function keepsNothing<T extends object>(methodOrScore: T): T {
  declared.add(methodOrScore);
  return methodOrScore;
}

/** Whether this method or score was declared with `keepsNothing`. */
export function isKeepingNothing(methodOrScore: object): boolean {
  return declared.has(methodOrScore);
}
