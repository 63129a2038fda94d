/*
 * A stand-in for the C library's ioctl(2) and poll(2): the "device" is a text file that says what its driver would do.
 *
 * An NVMe controller is one line:
 *   hang | errno <number> | status <number> | page <512 bytes in hexadecimal>
 * A BMC is a line per request it knows, everything in hexadecimal, "*" standing for any rest:
 *   <netfn> <cmd> <lun> <data, "-" for none>[*] = <response>|hang|late <response>
 * To others it says C1, "no such command". "errno <number>" as the first line fails every command. "late" is an answer
 * that comes after that of an earlier question.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/ioctl.h>
#include <unistd.h>
#include <poll.h>
#include <linux/ipmi.h>
#include <linux/nvme_ioctl.h>

#define MAXIMUM_SCRIPT (1 << 20)
#define MAXIMUM_ANSWER 272

struct answer {
  int descriptor;
  int pending;
  long number;
  unsigned char netfn, cmd;
  int length;
  unsigned char data[MAXIMUM_ANSWER];
};

static struct answer answers[64];

static char *read_script(int descriptor) {
  char *text = calloc(1, MAXIMUM_SCRIPT + 1);
  ssize_t length = pread(descriptor, text, MAXIMUM_SCRIPT, 0);
  if (length < 0) length = 0;
  text[length] = 0;
  return text;
}

static void hang(void) {
  for (;;) pause();
}

static int from_hexadecimal(const char *text, unsigned char *into, int maximum) {
  int length = 0;
  unsigned value;
  while (length < maximum && sscanf(text, "%2x", &value) == 1 && text[0] > ' ' && text[1] > ' ') {
    into[length++] = (unsigned char)value;
    text += 2;
  }
  return length;
}

static int fails(const char *script) {
  int number;
  if (sscanf(script, "errno %d", &number) != 1) return 0;
  errno = number;
  return 1;
}

static int play_nvme(int descriptor, struct nvme_admin_cmd *command) {
  char *script = read_script(descriptor);
  int result = 0;
  if (strncmp(script, "hang", 4) == 0) hang();
  if (fails(script)) result = -1;
  else if (sscanf(script, "status %d", &result) != 1) {
    /* Get Log Page, for every namespace, page 2, of 512 bytes: anything else is a mistake of the caller. */
    if (command->opcode != 2 || command->nsid != 0xffffffff || command->cdw10 != 0x007f0002 ||
        command->data_len != 512)
      result = 2;
    else
      from_hexadecimal(script + 5, (unsigned char *)(unsigned long)command->addr, 512);
  }
  int kept = errno;
  free(script);
  errno = kept;
  return result;
}

static struct answer *answer_of(int descriptor) {
  return &answers[descriptor % 64];
}

static const char *line_for(const char *script, const struct ipmi_req *request, unsigned char lun) {
  char wanted[2 * 260 + 32];
  int length = sprintf(wanted, "%02x %02x %02x ", request->msg.netfn, request->msg.cmd, lun);
  for (int byte = 0; byte < request->msg.data_len; byte += 1)
    length += sprintf(wanted + length, "%02x", request->msg.data[byte]);
  if (request->msg.data_len == 0) length += sprintf(wanted + length, "-");
  for (const char *line = script; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : 0) {
    const char *equals = strstr(line, " = ");
    if (!equals) continue;
    int known = (int)(equals - line);
    if (line[known - 1] == '*' ? strncmp(line, wanted, known - 1) == 0
                               : known == length && strncmp(line, wanted, known) == 0)
      return equals + 3;
  }
  return 0;
}

static int send_to_bmc(int descriptor, const struct ipmi_req *request) {
  const struct ipmi_system_interface_addr *address = (const void *)request->addr;
  if (request->addr_len < sizeof *address || address->addr_type != IPMI_SYSTEM_INTERFACE_ADDR_TYPE ||
      address->channel != IPMI_BMC_CHANNEL) {
    errno = EINVAL;
    return -1;
  }
  char *script = read_script(descriptor);
  if (fails(script)) {
    int kept = errno;
    free(script);
    errno = kept;
    return -1;
  }
  struct answer *answer = answer_of(descriptor);
  const char *line = line_for(script, request, address->lun);
  answer->descriptor = descriptor;
  answer->number = request->msgid;
  answer->netfn = request->msg.netfn | 1;
  answer->cmd = request->msg.cmd;
  answer->pending = 1;
  if (line && strncmp(line, "hang", 4) == 0) answer->pending = 0;
  if (line && strncmp(line, "late ", 5) == 0) {
    answer->pending = 2;
    line += 5;
  }
  answer->length = line ? from_hexadecimal(line, answer->data, MAXIMUM_ANSWER) : 1;
  if (!line) answer->data[0] = 0xc1;
  free(script);
  return 0;
}

static int receive_from_bmc(int descriptor, struct ipmi_recv *received) {
  struct answer *answer = answer_of(descriptor);
  if (answer->pending == 0) {
    errno = EAGAIN;
    return -1;
  }
  received->recv_type = IPMI_RESPONSE_RECV_TYPE;
  /* Late: first comes what an earlier question is owed. */
  received->msgid = answer->pending == 2 ? answer->number - 1 : answer->number;
  received->msg.netfn = answer->netfn;
  received->msg.cmd = answer->cmd;
  received->msg.data_len = answer->length;
  memcpy(received->msg.data, answer->data, answer->length);
  if (answer->pending == 2) received->msg.data[0] = 0xff;
  answer->pending -= 1;
  return 0;
}

int ioctl(int descriptor, unsigned long request, void *argument) {
  switch (request) {
    case NVME_IOCTL_ADMIN_CMD:
      return play_nvme(descriptor, argument);
    case IPMICTL_SEND_COMMAND:
      return send_to_bmc(descriptor, argument);
    case IPMICTL_RECEIVE_MSG_TRUNC:
      return receive_from_bmc(descriptor, argument);
    default:
      errno = ENOTTY;
      return -1;
  }
}

/* The BMC that doesn't answer makes nobody wait longer than 50 ms here. */
int poll(struct pollfd *list, nfds_t count, int timeout) {
  if (count == 1 && answer_of(list->fd)->pending != 0) {
    list->revents = POLLIN;
    return 1;
  }
  usleep((timeout < 50 ? timeout : 50) * 1000);
  return 0;
}
