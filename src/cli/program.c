/*
 * program.c - reads just enough of an ELF file to know whether its dynamic linker will load
 * libconvoy-preload.so, and whether its calls will pass through it.
 */
#include "cli/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/err.h"
#include "base/slice.h"

enum { SCRIPT_LINE_MAX = 256 };

static int refuse(char *why, size_t room, const char *path, const char *what)
{
	snprintf(why, room, "%s cannot run on Convoy: %s", path, what);
	return ERR_UNSUPPORTED;
}

static bool is_file_to_execute(const char *path, int *err)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (access(path, X_OK) == 0)
		return true;
	*err = ERR_PERM;
	return false;
}

int program_find(const char *name, char path[PROGRAM_PATH_MAX])
{
	const char *folders = getenv("PATH");
	int err = ERR_NOENT;

	if (strchr(name, '/')) {
		snprintf(path, PROGRAM_PATH_MAX, "%s", name);
		return is_file_to_execute(path, &err) ? 0 : err;
	}
	for (const char *at = folders ? folders : "/usr/local/bin:/usr/bin:/bin";; at++) {
		size_t len = strcspn(at, ":");

		if (len == 0)
			snprintf(path, PROGRAM_PATH_MAX, "./%s", name);
		else
			snprintf(path, PROGRAM_PATH_MAX, "%.*s/%s", (int)len, at, name);
		if (is_file_to_execute(path, &err))
			return 0;
		at += len;
		if (!*at)
			return err;
	}
}

/* The @n-th of @count table entries of @size bytes at @offset, NULL if it is outside the file. */
static const void *entry_or_null(struct slice file, uint64_t offset, uint64_t size, uint64_t n)
{
	if (offset > file.len || size == 0 || n >= (file.len - offset) / size)
		return NULL;
	return file.at + offset + n * size;
}

static bool has_segment(struct slice file, const Elf64_Ehdr *elf, uint32_t type)
{
	for (unsigned i = 0; i < elf->e_phnum; i++) {
		Elf64_Phdr segment;
		const void *at = entry_or_null(file, elf->e_phoff, elf->e_phentsize, i);

		if (!at || elf->e_phentsize < sizeof(segment))
			return false;
		memcpy(&segment, at, sizeof(segment));
		if (segment.p_type == type)
			return true;
	}
	return false;
}

/* The linker of Go keeps a section of its build; stripping leaves it in place. */
static bool has_section(struct slice file, const Elf64_Ehdr *elf, const char *wanted)
{
	Elf64_Shdr names, section;
	const void *at = entry_or_null(file, elf->e_shoff, elf->e_shentsize, elf->e_shstrndx);
	size_t len = strlen(wanted) + 1;

	if (!at || elf->e_shentsize < sizeof(names))
		return false;
	memcpy(&names, at, sizeof(names));
	for (unsigned i = 0; i < elf->e_shnum; i++) {
		const char *name;

		at = entry_or_null(file, elf->e_shoff, elf->e_shentsize, i);
		if (!at)
			return false;
		memcpy(&section, at, sizeof(section));
		name = entry_or_null(file, names.sh_offset + section.sh_name, len, 0);
		if (name && memcmp(name, wanted, len) == 0)
			return true;
	}
	return false;
}

static int check_elf(struct slice file, const char *path, char *why, size_t room)
{
	Elf64_Ehdr elf, own;
	int fd;
	bool same_machine;

	memcpy(&elf, file.at, sizeof(elf));
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	same_machine =
		fd < 0 || read(fd, &own, sizeof(own)) != (ssize_t)sizeof(own) ||
		(own.e_machine == elf.e_machine && own.e_ident[EI_CLASS] == elf.e_ident[EI_CLASS]);
	if (fd >= 0)
		close(fd);
	if (!same_machine)
		return refuse(why, room, path, "it is built for another kind of machine");
	if (has_section(file, &elf, ".go.buildinfo"))
		return refuse(why, room, path,
			      "it is a Go program, which makes system calls of its own instead of "
			      "calling the C library");
	if (!has_segment(file, &elf, PT_INTERP))
		return refuse(why, room, path,
			      "it is statically linked, so no library can be loaded into it");
	return 0;
}

/* "#!/usr/bin/env python3": what matters is the program that will be running. */
static int check_script(struct slice file, const char *path, char *why, size_t room)
{
	char line[SCRIPT_LINE_MAX], found[PROGRAM_PATH_MAX], *save, *word;
	struct slice text = slice_first(slice_from(file, 2), sizeof(line) - 1);

	memcpy(line, text.at, text.len);
	line[text.len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (word && strcmp(word, "/usr/bin/env") == 0)
		word = strtok_r(NULL, " \t", &save);
	if (!word || program_find(word, found) < 0) {
		snprintf(why, room, "%s: its interpreter \"%s\" cannot be found", path,
			 word ? word : "");
		return ERR_NOENT;
	}
	if (strcmp(found, path) == 0)
		return ERR_FORMAT;
	return program_check(found, why, room);
}

static int check_contents(struct slice file, const char *path, char *why, size_t room)
{
	if (file.len >= 2 && memcmp(file.at, "#!", 2) == 0)
		return check_script(file, path, why, room);
	if (file.len < sizeof(Elf64_Ehdr) || memcmp(file.at, ELFMAG, SELFMAG) != 0) {
		snprintf(why, room, "%s is not a program", path);
		return ERR_FORMAT;
	}
	return check_elf(file, path, why, room);
}

static int check_rights(const struct stat *st, const char *path, char *why, size_t room)
{
	if ((st->st_mode & S_ISUID && st->st_uid != geteuid()) ||
	    (st->st_mode & S_ISGID && st->st_gid != getegid()))
		return refuse(why, room, path,
			      "it runs with another user's rights (setuid or setgid), and the "
			      "dynamic linker then ignores LD_PRELOAD");
	if (geteuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0)
		return refuse(why, room, path,
			      "it has file capabilities, and the dynamic linker then ignores "
			      "LD_PRELOAD");
	return 0;
}

int program_check(const char *path, char *why, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map = MAP_FAILED;
	int err;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0 ||
	    (map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
		int saved = fd >= 0 && st.st_size == 0 ? ENOEXEC : errno;

		snprintf(why, room, "%s: %s", path, strerror(saved));
		err = err_of_errno(saved);
		goto out;
	}
	err = check_rights(&st, path, why, room);
	if (err == 0)
		err = check_contents(slice_of(map, (size_t)st.st_size), path, why, room);
	munmap(map, (size_t)st.st_size);
out:
	if (fd >= 0)
		close(fd);
	return err;
}
