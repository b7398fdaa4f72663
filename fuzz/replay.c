/*
 * replay.c - runs a fuzz target over the files of a folder, for builds without libFuzzer: every
 * seed and every input that once crashed stays a test with each compiler.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An exact-size copy on the heap, so that sanitizers see a read past the end. */
static int replay_file(const char *folder, const char *name)
{
	char path[4096];
	uint8_t *data = NULL;
	size_t size = 0, room = 0;
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	if (!file) {
		perror(path);
		return 1;
	}
	while ((c = fgetc(file)) != EOF) {
		if (size == room) {
			room = room ? 2 * room : 4096;
			data = realloc(data, room);
			if (!data)
				abort();
		}
		data[size++] = (uint8_t)c;
	}
	fclose(file);
	uint8_t *exact = malloc(size ? size : 1);
	if (!exact)
		abort();
	for (size_t i = 0; i < size; i++)
		exact[i] = data[i];
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned n_files = 0;
	int status = 0;

	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);

		if (!folder) {
			perror(argv[i]);
			return 1;
		}
		for (struct dirent *entry; (entry = readdir(folder));) {
			if (entry->d_name[0] == '.')
				continue;
			status |= replay_file(argv[i], entry->d_name);
			n_files++;
		}
		closedir(folder);
	}
	printf("%u inputs replayed\n", n_files);
	return n_files ? status : 1;
}
