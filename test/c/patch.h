/* patch.h: several changes to an object at once, for tests: the raw value that
 * each key is to have; an empty one takes the member away. */
#ifndef PATCH_H
#define PATCH_H

#include "../../json.h"

typedef struct {
	str key, value;
} change;

static str patch(arena *mem, const json *object, const change *changes, int count, int depth)
{
	for (int i = 0; i < count; i++)
		object = json_with(mem, object, changes[i].key, changes[i].value);
	return json_format(mem, object, depth);
}

#endif
